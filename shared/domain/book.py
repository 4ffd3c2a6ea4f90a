"""What the logic engine remembers of one strategy on one instrument, as one document that is written at once."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.domain.instrument import Instrument
from shared.domain.signal import Side, Signal


@dataclass(frozen=True, slots=True)
class Position:
    """An open position. There is no closed one: its end is the exit signal, then the book is flat again.

    Attributes:
        signal_id: Of its entry.
        side: Direction.
        entry_time: ms UTC.
        entry_price: Quote units, like all prices.
        take_profit: The last target.
        stop_loss: The stop it was opened with.
        revision: Of the last signal said about it.
        stop: Where the stop is now; 0 while it has not moved.
        best: Best price at the end of any look; 0 before the first.
        filled: Targets reached.
        banked_pct: Gain of the shares closed at them, in percent of the entry price of the whole.
        candles: Candles that have closed since the entry.
        stop_kind: What moved the stop last (see `shared.engine.exit_steps`).
    """

    signal_id: str
    side: Side
    entry_time: int
    entry_price: float
    take_profit: float
    stop_loss: float
    revision: int = 0
    stop: float = 0.0
    best: float = 0.0
    filled: int = 0
    banked_pct: float = 0.0
    candles: int = 0
    stop_kind: int = 0


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
        head: Hash of the last line said (`shared.engine.hash_chain`); empty before the first.
    """

    key: BookKey
    version: int = 0
    evaluated_to: int = 0
    looked_to: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    position: Position | None = None
    unpublished: tuple[Signal, ...] = ()
    head: str = ""
