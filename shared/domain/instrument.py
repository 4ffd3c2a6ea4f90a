"""What is traded where: the key of every candle, position and signal."""

from typing import NamedTuple

# Quote assets by which a compact symbol is split for people, longest first so that BTCUSDT is not read as BTCUSD + T.
_QUOTES = ("FDUSD", "USDT", "USDC", "USDE", "BUSD", "TUSD", "USD", "EUR", "GBP", "TRY", "BTC", "ETH", "BNB")


class Instrument(NamedTuple):
    """An instrument at a venue.

    `exchange` is the venue and its product (``bybit-linear``); `symbol` is the compact upper-case pair (``BTCUSDT``)
    in the spelling that traders type. Other spellings of a venue stay in its adapter.
    """

    exchange: str
    symbol: str

    @property
    def pair(self) -> str:
        """The pair as people write it: ``BTC/USDT``; the bare symbol when the quote asset is not known."""
        for quote in _QUOTES:
            base = self.symbol.removesuffix(quote)
            if base and base != self.symbol:
                return f"{base}/{quote}"
        return self.symbol
