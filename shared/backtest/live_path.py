"""Candles in, every position the live machine takes with them out: the yardstick that the backtest is held to.

The machine is fed as the logic engine feeds it: the candles that are new, with the history a cold strategy may want,
slice by slice; and between two slices the book goes to the store and comes back.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle

from shared.backtest.positions import ClosedPosition, Opening, Positions
from shared.domain.book import Book, BookKey
from shared.domain.candle import Candle
from shared.domain.signal import Signal, SignalKind
from shared.engine.strategy_runner import StrategyRunner
from shared.errors import InvariantViolation
from shared.strategies.strategy import Strategy

SLICES = (200, 1, 60, 7)
"""New candles at a time, over and over: a history, a minute, an hour after an outage, and one that fits nothing."""


def live_positions(
    candles: Sequence[Candle],
    create: Callable[[], Strategy],
    store: Callable[[Book], Book],
    *,
    slices: Sequence[int] = SLICES,
    hole_patience: int = 0,
) -> Positions:
    """What the live machine does with candles of one instrument and timeframe, ascending.

    Candles are taken without their looks: a backtest has none.

    Args:
        candles: At least one.
        create: Makes the strategy.
        store: Writes a book as a store does, and reads it again.
        slices: New candles at a time, over and over.
        hole_patience: See `shared.engine.candle_sequence`. With 0 nothing is waited for, as nothing will come.
    """
    index = {candle.open_time: place for place, candle in enumerate(candles)}
    closed: list[ClosedPosition] = []
    opening: Opening | None = None
    for line in _lines(candles, create, store, slices, hole_patience):
        if line.kind is SignalKind.ENTRY:
            opening = _opening(line, index)
        elif line.kind is SignalKind.EXIT:
            if opening is None or opening.signal_id != line.signal_id:
                raise InvariantViolation(f"the exit {line.signal_id} has no entry before it")
            closed.append(_closed(opening, line, index))
            opening = None
    return Positions(closed, opening)


def _lines(
    candles: Sequence[Candle],
    create: Callable[[], Strategy],
    store: Callable[[Book], Book],
    slices: Sequence[int],
    hole_patience: int,
) -> Iterator[Signal]:
    """All that is said, in order."""
    flat = [replace(candle, looks=()) if candle.looks else candle for candle in candles]
    first, strategy = flat[0], create()
    book = Book(BookKey(strategy.name, first.exchange, first.symbol))
    runner = StrategyRunner(create, first.timeframe, hole_patience)
    shown, history = 0, runner.warm_up + hole_patience
    for size in cycle(slices):
        step = runner.advance(book, flat[max(0, shown - history) : shown + size])
        book = store(step.book)
        yield from book.unpublished
        book = replace(book, unpublished=())
        shown += size
        if shown >= len(flat):
            return


def _opening(line: Signal, index: dict[int, int]) -> Opening:
    return Opening(
        signal_id=line.signal_id,
        symbol=line.symbol,
        side=line.side,
        opened_at=index[line.open_time],
        entry_time=line.entry_time,
        entry_price=line.entry_price,
        take_profit=line.take_profit,
        stop_loss=line.stop_loss,
    )


def _closed(opening: Opening, line: Signal, index: dict[int, int]) -> ClosedPosition:
    if line.reason is None or line.pnl_pct is None:
        raise InvariantViolation(f"the exit {line.signal_id} has no reason or no gain")
    return ClosedPosition(
        signal_id=opening.signal_id,
        symbol=opening.symbol,
        side=opening.side,
        opened_at=opening.opened_at,
        entry_time=opening.entry_time,
        entry_price=opening.entry_price,
        take_profit=opening.take_profit,
        stop_loss=opening.stop_loss,
        closed_at=index[line.open_time],
        exit_time=line.time,
        exit_price=line.price,
        reason=line.reason,
        gain_pct=line.pnl_pct,
        ambiguous=line.ambiguous,
    )
