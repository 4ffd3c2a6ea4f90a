"""What the logic engine says to people: an entry, its updates, its exit."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe


class Side(StrEnum):
    """Direction of a position."""

    LONG = "LONG"
    SHORT = "SHORT"


class SignalKind(StrEnum):
    """Place of a signal in the life of its position."""

    ENTRY = "entry"
    UPDATE = "update"
    EXIT = "exit"


class ExitReason(StrEnum):
    """Why a position ended."""

    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    BREAK_EVEN = "break_even"
    TRAILING_STOP = "trailing_stop"
    TIME_STOP = "time_stop"


def signal_id(strategy: str, symbol: str, open_time: int, side: Side) -> str:
    """Id of the signal decided on the candle opened at `open_time` (ms UTC): same inputs, same id, for ever."""
    return f"{strategy}/{symbol}/{open_time}/{side}"


@dataclass(frozen=True, slots=True)
class Signal:
    """One line in the life of a position. All lines of one position share `signal_id`.

    Attributes:
        kind: Entry, update or exit.
        signal_id: ``strategy/symbol/open_time/side`` of the entry.
        revision: 0 for the entry, one more for each later line; a line never overwrites one with a higher revision.
        strategy: Name of the strategy.
        exchange: Venue and product.
        symbol: Compact pair.
        side: Direction of the position.
        timeframe: Of the candles the decision was made on.
        time: Event time of the decision in ms UTC: the end of the candle or look that decided.
        open_time: Open time of the candle that decided, ms UTC.
        price: Entry price for an entry, last price for an update, exit price for an exit.
        take_profit: Price level.
        stop_loss: Price level.
        entry_time: Event time of the entry, ms UTC.
        entry_price: Price of the entry.
        reason: Exits only.
        pnl_pct: Exits and updates: gain of the position in percent of the entry price, before costs, 4 decimals.
        ambiguous: Exits only: both levels were touched within one look and the order is unknown, so the loss counts.
        data_revised: Open times (ms UTC) of candles that the decision was built on and that have changed since. Such a
            line repeats the newest one, under the next revision.
        decision: Every number the decision used, by name; the message, the chart and "why" are made from it.
        previous: Hash of the line that its book said before this one (`shared.engine.hash_chain`); empty for the first.
    """

    kind: SignalKind
    signal_id: str
    revision: int
    strategy: str
    exchange: str
    symbol: str
    side: Side
    timeframe: Timeframe
    time: int
    open_time: int
    price: float
    take_profit: float
    stop_loss: float
    entry_time: int
    entry_price: float
    reason: ExitReason | None = None
    pnl_pct: float | None = None
    ambiguous: bool = False
    data_revised: tuple[int, ...] = ()
    decision: dict[str, Any] = field(default_factory=dict)
    previous: str = ""

    @property
    def instrument(self) -> Instrument:
        """The instrument it speaks of."""
        return Instrument(self.exchange, self.symbol)
