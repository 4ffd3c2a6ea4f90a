"""The market as the sandbox exchange sees it: a symbol and a span of time in, trades and minutes out.

A market is a pure function of its making and of market time: whoever asks, however often, gets the same trades.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from shared.domain.trade import Trade

MINUTE = 60_000
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class Listing:
    """How a symbol trades.

    Attributes:
        symbol: ``BTCUSDT``.
        tick: Price step in quote units.
        step: Quantity step, and smallest quantity, in base units.
        price_scale: Decimals of a printed price; may be more than the tick has (BTCUSDT: 2 with a tick of 0.1).
        price: Price around which a generated market moves.
        volatility: Standard deviation of a calm minute's log return.
        share: Weight of the symbol in the market's number of trades.
    """

    symbol: str
    tick: Decimal
    step: Decimal
    price_scale: int
    price: float = 1.0
    volatility: float = 0.0010
    share: float = 3.0


class Minute(NamedTuple):
    """What traded in a minute (or a part of it). Prices in quote, quantity in base, turnover in quote units; `trades`
    is their number."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    quantity: Decimal
    turnover: Decimal
    trades: int = 0


class Market(Protocol):
    """Where trades come from. Times are ms UTC of the market."""

    @property
    def listings(self) -> dict[str, Listing]:
        """Every symbol that trades here."""
        ...

    @property
    def start(self) -> int:
        """From here on trades happen live; what is before is history."""
        ...

    @property
    def history_start(self) -> int:
        """Nothing is known before this time; a whole minute."""
        ...

    def trades(self, symbol: str, start: int, end: int) -> Sequence[Trade]:
        """Trades with ``start <= event_time < end``, in the venue's order."""
        ...

    def minute(self, symbol: str, open_time: int) -> Minute | None:
        """The trades of a whole minute, block trades left out; None where nobody traded."""
        ...


def summarise(trades: Iterable[Trade]) -> Minute | None:
    """The trades of one span as a `Minute`. Block trades are negotiated away from the book and do not count."""
    counted = [trade for trade in trades if not trade.is_block]
    if not counted:
        return None
    prices = [trade.price for trade in counted]
    return Minute(
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        quantity=sum((trade.quantity for trade in counted), Decimal(0)),
        turnover=sum((trade.price * trade.quantity for trade in counted), Decimal(0)),
        trades=len(counted),
    )
