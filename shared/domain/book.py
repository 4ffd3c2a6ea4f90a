"""What the logic engine remembers of one strategy on one instrument, as one document that is written at once."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.domain.instrument import Instrument
from shared.domain.signal import Side, Signal


@dataclass(frozen=True, slots=True)
class Position:
    """An open position. There is no closed one: its end is the exit signal, then the book is flat again.

    Prices are quote units; times are ms UTC. `revision` is that of the last signal said about it.
    """

    signal_id: str
    side: Side
    entry_time: int
    entry_price: float
    take_profit: float
    stop_loss: float
    revision: int = 0


class BookKey(NamedTuple):
    """Names a book: one strategy (with its parameter set) on one instrument."""

    strategy: str
    exchange: str
    symbol: str

    @property
    def instrument(self) -> Instrument:
        """The instrument."""
        return Instrument(self.exchange, self.symbol)


@dataclass(frozen=True, slots=True)
class Book:
    """Memory of one strategy on one instrument.

    It is stored with every candle that is evaluated, by a conditional write, so that each candle is evaluated exactly
    once whatever dies: either the whole step is stored (state, position, signals) or nothing of it.

    Attributes:
        key: Whose memory this is.
        version: Counts the writes; the store refuses a write whose expected version is not the stored one.
        evaluated_to: Open time (ms UTC) of the last candle evaluated; 0 before the first.
        looked_to: Event time (ms UTC) up to which exits have been decided; 0 before the first.
        state: The machines' snapshot: plain JSON values. Floats keep every bit.
        position: The open position, if any.
        unpublished: Signals that are stored but not yet known to be on the bus; published again after a crash.
    """

    key: BookKey
    version: int = 0
    evaluated_to: int = 0
    looked_to: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    position: Position | None = None
    unpublished: tuple[Signal, ...] = ()
