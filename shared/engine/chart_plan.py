"""The lines of one signal and candles in, everything its evidence chart shows out.

Indicator values, pivots and the spike come from the decision record as it was written: nothing is computed again. What
a record does not hold, or holds in another shape, is left out of the chart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from shared.domain.candle import Candle
from shared.domain.chart import ChartSpec, Level, LevelKind, Point
from shared.domain.signal import ExitReason, Signal, SignalKind
from shared.domain.timeframe import Timeframe
from shared.engine import wording
from shared.errors import InvalidInput

CANDLES = 120
"""Candles a chart shows when its trade fits into them."""

_BEFORE_PIVOT = 12
_AFTER_EXIT = 6
_AFTER_ENTRY = 100
_MOST_CANDLES = 480
_OVERSOLD, _OVERBOUGHT = 30.0, 70.0
_LEVEL_REASONS = (ExitReason.TAKE_PROFIT, ExitReason.STOP_LOSS)
_Default = TypeVar("_Default", float, None)


def window(lines: Sequence[Signal], timeframe: Timeframe) -> tuple[int, int]:
    """Which candles to read for the chart of a signal.

    Args:
        lines: All lines of the signal, ascending by revision.
        timeframe: Of the candles to draw.

    Returns:
        Open times ``(start, end)`` in ms UTC, `end` exclusive; of an open trade `end` lies in the future of the entry.

    Raises:
        InvalidInput: No lines.
    """
    step = timeframe.millis
    first, last = _first(lines), lines[-1]
    entry_open = timeframe.floor(_entry_open_time(first))
    closed = last.kind is SignalKind.EXIT
    end = timeframe.floor(last.open_time) + (_AFTER_EXIT + 1) * step if closed else entry_open + _AFTER_ENTRY * step
    left = min([entry_open, *(point.open_time for point in _pivots(first, "price"))]) - _BEFORE_PIVOT * step
    # Of an open trade nobody knows yet how many of the later candles exist; without any, 120 must end at the entry.
    start = min(timeframe.floor(left), (end if closed else entry_open + step) - CANDLES * step)
    return start, min(end, start + _MOST_CANDLES * step)


def plan(lines: Sequence[Signal], candles: Sequence[Candle]) -> ChartSpec:
    """What the chart of a signal shows.

    Args:
        lines: All lines of the signal, ascending by revision.
        candles: Those of `window`, ascending, as far as they exist.

    Raises:
        InvalidInput: No lines, or no candles.
    """
    first, last = _first(lines), lines[-1]
    if not candles:
        raise InvalidInput(f"no candles are stored for the chart of {first.signal_id}")
    record = first.decision
    shown = _trimmed(_without_holes(candles), _leftmost(first))
    parameters, spike = _mapping(record.get("parameters")), _mapping(record.get("spike"))
    prices = (first.entry_price, last.take_profit, last.stop_loss)
    closed = last.kind is SignalKind.EXIT
    why = str(record.get("why") or "")
    return ChartSpec(
        title=f"{first.instrument.pair} {first.side} \N{MIDDLE DOT} {first.timeframe} \N{MIDDLE DOT} {first.strategy}",
        subtitle=wording.result_text(last) if closed else why,
        candles=shown,
        price_decimals=wording.decimals_for(record.get("price_decimals"), prices),
        levels=_levels(last),
        rsi=_inside(_rsi(record, first.timeframe), shown),
        rsi_oversold=_number(parameters.get("oversold"), _OVERSOLD),
        rsi_overbought=_number(parameters.get("overbought"), _OVERBOUGHT),
        price_divergence=_line(_pivots(first, "price"), shown),
        rsi_divergence=_line(_pivots(first, "rsi"), shown),
        spike_open_time=_whole(spike.get("open_time")),
        volume_mean=_number(spike.get("mean"), None),
        entry=_mark(Point(_entry_open_time(first), first.entry_price), shown),
        exit=_mark(Point(last.open_time, last.price), shown) if closed else None,
    )


def _first(lines: Sequence[Signal]) -> Signal:
    if not lines:
        raise InvalidInput("a signal without lines has no chart")
    return lines[0]


def _entry_open_time(first: Signal) -> int:
    """Open time of the candle that decided the entry, even where the entry line itself is not at hand."""
    if first.kind is SignalKind.ENTRY:
        return first.open_time
    return first.timeframe.floor(first.entry_time - 1)


def _levels(line: Signal) -> tuple[Level, ...]:
    levels = [
        Level(LevelKind.ENTRY, "Entry", line.entry_price),
        Level(LevelKind.TAKE_PROFIT, "TP", line.take_profit),
        Level(LevelKind.STOP_LOSS, "Stop", line.stop_loss),
    ]
    # An exit at one of the levels needs no line of its own.
    if line.kind is SignalKind.EXIT and line.reason not in _LEVEL_REASONS:
        levels.append(Level(LevelKind.EXIT, "Exit", line.price))
    return tuple(levels)


def _leftmost(first: Signal) -> int:
    points = [point.open_time for point in _pivots(first, "price")]
    return min([_entry_open_time(first), *points]) - _BEFORE_PIVOT * first.timeframe.millis


def _trimmed(candles: list[Candle], leftmost: int) -> tuple[Candle, ...]:
    """The newest 120, and as many more as it takes to begin at `leftmost`."""
    enough = max(0, len(candles) - CANDLES)
    needed = next((index for index, candle in enumerate(candles) if candle.open_time >= leftmost), enough)
    return tuple(candles[min(enough, needed) :])


def _without_holes(candles: Sequence[Candle]) -> list[Candle]:
    """Evenly spaced: what the store lacks is drawn as a flat line at the previous close."""
    filled = [candles[0]]
    step = candles[0].timeframe.millis
    for candle in candles[1:]:
        while filled[-1].close_time < candle.open_time:
            filled.append(_flat(filled[-1], filled[-1].open_time + step))
        filled.append(candle)
    return filled


def _flat(previous: Candle, open_time: int) -> Candle:
    close, nothing = previous.close, Decimal(0)
    return replace(
        previous,
        open_time=open_time,
        open=close,
        high=close,
        low=close,
        quantity=nothing,
        turnover=nothing,
        trades=0,
        complete=False,
        looks=(),
    )


def _pivots(first: Signal, value: str) -> tuple[Point, ...]:
    """The two pivots the decision compared, as points of the pane of `value`."""
    points = []
    for pivot in _items(first.decision.get("pivots")):
        open_time, height = _whole(_mapping(pivot).get("open_time")), _number(_mapping(pivot).get(value), None)
        if open_time is not None and height is not None:
            points.append(Point(open_time, height))
    return tuple(points)


def _rsi(record: Mapping[str, Any], timeframe: Timeframe) -> tuple[Point, ...]:
    series = _mapping(record.get("rsi_series"))
    start = _whole(series.get("first_open_time"))
    if start is None:
        return ()
    values = ((index, _number(value, None)) for index, value in enumerate(_items(series.get("values"))))
    return tuple(Point(start + index * timeframe.millis, value) for index, value in values if value is not None)


def _inside(points: tuple[Point, ...], candles: tuple[Candle, ...]) -> tuple[Point, ...]:
    return tuple(point for point in points if candles[0].open_time <= point.open_time <= candles[-1].open_time)


def _line(points: tuple[Point, ...], candles: tuple[Candle, ...]) -> tuple[Point, ...]:
    """A line needs both its ends."""
    inside = _inside(points, candles)
    return inside if len(inside) == len(points) > 1 else ()


def _mark(point: Point, candles: tuple[Candle, ...]) -> Point | None:
    return next(iter(_inside((point,), candles)), None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object, default: _Default) -> float | _Default:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
