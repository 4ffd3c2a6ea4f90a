"""The instruments of the generated market: symbols in, how each of them trades out.

Steps are those of Bybit's linear contracts; prices, volatility and shares of activity are typical of a winter day of
2026.
"""

from collections.abc import Sequence
from decimal import Decimal

from services.sandbox.market import Listing

# symbol: tick, step, printed decimals, price, volatility of a calm minute, share of all trades in percent
_TABLE = {
    "BTCUSDT": ("0.1", "0.001", 2, 88_400.0, 0.00045, 34.0),
    "SOLUSDT": ("0.01", "0.1", 3, 124.6, 0.00085, 12.0),
    "ETHUSDT": ("0.01", "0.01", 2, 2_968.0, 0.00060, 25.0),
    "XRPUSDT": ("0.0001", "0.1", 4, 1.872, 0.00080, 10.0),
    "DOGEUSDT": ("0.00001", "1", 5, 0.12340, 0.00090, 7.0),
    "SEIUSDT": ("0.00001", "1", 5, 0.11270, 0.00110, 1.0),
    "LINKUSDT": ("0.001", "0.1", 3, 12.460, 0.00090, 3.0),
    "SUIUSDT": ("0.0001", "10", 4, 1.4120, 0.00100, 5.0),
    "ADAUSDT": ("0.0001", "1", 4, 0.3620, 0.00090, 3.0),
}

DEFAULT_SYMBOLS = tuple(_TABLE)


def listing(symbol: str) -> Listing:
    """How `symbol` trades; a symbol that is not in the table trades like a middling coin at 5 USDT."""
    tick, step, scale, price, volatility, share = _TABLE.get(symbol, ("0.001", "0.1", 3, 5.0, 0.00090, 3.0))
    return Listing(symbol, Decimal(tick), Decimal(step), scale, price, volatility, share)


def listings(symbols: Sequence[str]) -> dict[str, Listing]:
    """Listings by symbol, in the order given."""
    return {symbol: listing(symbol) for symbol in symbols}
