"""Candle arrays and a strategy in, every position it would have taken out: the same as live takes, one for one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from shared.backtest import kernel
from shared.backtest.candle_arrays import Array, CandleArrays, Span
from shared.backtest.compiled import compiled
from shared.backtest.numeric_strategy import NumericStrategy
from shared.domain.signal import ExitReason, Side, signal_id
from shared.engine.exits import REASONS
from shared.strategies.rsi_window import Series

_COLUMNS = kernel.Records._fields
_WHOLE = {"opened_at", "closed_at", "direction", "code"}


@dataclass(frozen=True, slots=True)
class Opening:
    """How a position was opened. Times are ms UTC, prices quote units.

    Attributes:
        opened_at: Index of the candle at whose close it was opened.
        stop_loss: The stop it was opened with.
    """

    signal_id: str
    symbol: str
    side: Side
    opened_at: int
    entry_time: int
    entry_price: float
    take_profit: float
    stop_loss: float


@dataclass(frozen=True, slots=True)
class ClosedPosition(Opening):
    """A position with its end.

    Attributes:
        closed_at: Index of the candle in which it ended.
        gain_pct: Before costs, in percent of the entry price, rounded to 4 decimals as in exit signals.
    """

    closed_at: int
    exit_time: int
    exit_price: float
    reason: ExitReason
    gain_pct: float
    ambiguous: bool


class Positions(NamedTuple):
    """Every position that ended within the candles, ascending by entry; and the one still open at their end."""

    closed: list[ClosedPosition]
    open: Opening | None


def positions(candles: CandleArrays, strategy: NumericStrategy) -> Positions:
    """What the strategy would have done.

    Args:
        candles: Of one instrument.
        strategy: What decides.
    """
    records, book = walked(candles, strategy)
    closed = closed_positions_of(candles, strategy.name, records)
    led = book.led
    if led.direction == 0:
        return Positions(closed, None)
    levels = (led.entry, led.take_profit, book.stop_loss)
    return Positions(closed, Opening(*_opening(candles, strategy.name, led.direction, book.opened_at), *levels))


def walked(candles: CandleArrays, strategy: NumericStrategy) -> tuple[kernel.Records, kernel.Book]:
    """Columns of every position that ended within the candles, ascending, and what is carried at their end."""
    walk = compiled(kernel.walk, decide=strategy.decide)
    book, page = kernel.EMPTY, _records()
    parts = [tuple(column[:0] for column in page)]
    for stretch in stretches(candles, strategy):
        while book.at < stretch.offset + len(stretch.closes):
            book, count = walk(strategy.rules, stretch, book, page)
            if count:
                parts.append(tuple(column[:count].copy() for column in page))
    return kernel.Records(*map(np.concatenate, zip(*parts, strict=True))), book


def closed_positions(candles: CandleArrays, strategy: NumericStrategy) -> list[ClosedPosition]:
    """Every position that was opened and closed within the candles, ascending by entry."""
    return positions(candles, strategy).closed


def closed_positions_of(candles: CandleArrays, strategy: str, records: kernel.Records) -> list[ClosedPosition]:
    """The positions in these columns; `strategy` is a name."""
    rows = zip(*(column.tolist() for column in records), strict=True)
    return [_closed(candles, strategy, kernel.Records(*row)) for row in rows]


def stretches(candles: CandleArrays, strategy: NumericStrategy) -> Iterator[kernel.Stretch]:
    """The stretches of candles without a hole, in order, with their indicators and marks."""
    indicate, mark = compiled(kernel.indicate), compiled(strategy.mark)
    rules = strategy.rules
    for span in candles.spans():
        stretch = _blank(candles, span, with_ranges=rules.atr_period > 0)
        indicate(stretch, rules.rsi_period, rules.atr_period)
        mark(rules.strategy, stretch.series, stretch.marks)
        yield stretch


def _blank(candles: CandleArrays, span: Span, *, with_ranges: bool) -> kernel.Stretch:
    part, size = slice(*span), span.end - span.first

    def of(column: Array) -> Any:
        return column[part]

    unknown: Any = np.empty(size)
    return kernel.Stretch(
        offset=span.first,
        series=Series(of(candles.highs), of(candles.lows), of(candles.quantities), unknown),
        closes=of(candles.closes),
        traded=of(candles.traded),
        ranges=np.full(size if with_ranges else 0, np.nan),
        marks=np.zeros(size, dtype=np.bool_),
    )


def _records() -> kernel.Records:
    """Empty columns."""
    columns = {name: np.zeros(kernel.CAPACITY, np.int64 if name in _WHOLE else np.float64) for name in _COLUMNS}
    return kernel.Records(**columns | {"ambiguous": np.zeros(kernel.CAPACITY, dtype=np.bool_)})


def _opening(candles: CandleArrays, strategy: str, direction: int, opened_at: int) -> tuple[str, str, Side, int, int]:
    """Signal id, symbol, side, index and entry time."""
    side = Side.LONG if direction > 0 else Side.SHORT
    open_time, symbol = int(candles.open_times[opened_at]), candles.instrument.symbol
    named = signal_id(strategy, symbol, open_time, side)
    return named, symbol, side, opened_at, open_time + candles.timeframe.millis


def _closed(candles: CandleArrays, strategy: str, r: kernel.Records) -> ClosedPosition:
    return ClosedPosition(
        *_opening(candles, strategy, r.direction, r.opened_at),
        entry_price=r.entry,
        take_profit=r.take_profit,
        stop_loss=r.stop_loss,
        closed_at=r.closed_at,
        exit_time=int(candles.open_times[r.closed_at]) + candles.timeframe.millis,
        exit_price=r.exit,
        reason=REASONS[r.code],
        gain_pct=round(r.gain_pct, 4),
        ambiguous=r.ambiguous,
    )
