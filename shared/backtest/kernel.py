"""Arrays of candles in, positions out: the loop of the live engine, candle by candle, over a whole file.

Everything that decides is the core's own: the RSI step, the strategy's `decide`, targets and stops, protections. This
file only walks. It is written for the compiler (`shared.backtest.compiled`) and runs without it.
"""

from collections.abc import Callable
from math import nan
from typing import Any, NamedTuple

from shared.domain.exit_rules import ExitRules, ProtectionRules
from shared.engine import protections
from shared.engine.exit_steps import (
    OPEN,
    STOP_LOSS,
    TARGET,
    Event,
    Led,
    Ranges,
    on_close,
    on_range,
    opened,
    passed_over,
    total_pct,
)
from shared.engine.protections import Quiet, after_candle, after_exit
from shared.indicators import atr, rsi
from shared.strategies.levels import Distances, levels
from shared.strategies.rsi_window import Series

# The compiler follows plain names.
rsi_step = rsi.step
atr_step = atr.step
RSI_START, ATR_START = rsi.START, atr.START
NOTHING = Event(OPEN, 0.0, False)
# The strategy's: bound to this name by whoever compiles `walk` (see `shared.backtest.compiled`), because machine code
# can be kept for a function that calls another one by name, not for one that is handed it.
decide: Callable[[Any, Series, int], Any]

CAPACITY = 4096
"""Positions one call can record; the walk goes on where it stopped."""


class Rules(NamedTuple):
    """Everything that can be set, as plain numbers; `strategy` is what the strategy's `decide` wants."""

    strategy: Any
    rsi_period: int
    atr_period: int
    warm_up: int
    distances: Distances
    exits: ExitRules
    protections: ProtectionRules


class Stretch(NamedTuple):
    """A contiguous stretch of candles with its indicators: float64 arrays of equal length, oldest first.

    Attributes:
        offset: Index in the file of the first candle.
        series: Highs, lows, quantities, RSI.
        closes: Closing prices.
        traded: Whether anybody traded (bool).
        ranges: ATR; empty where no level is measured in it.
        marks: Whether the strategy may find something (see its `mark`).
    """

    offset: int
    series: Any
    closes: Any
    traded: Any
    ranges: Any
    marks: Any


class Book(NamedTuple):
    """What is carried on.

    Attributes:
        at: Index in the file of the next candle.
        led: The open position; its direction is 0 when flat.
        opened_at: Index in the file of the candle that opened it.
        stop_loss: Its first stop.
        quiet: The protections' memory.
    """

    at: int
    led: Led
    opened_at: int
    stop_loss: float
    quiet: Quiet


FLAT = Led(0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0, 0)
EMPTY = Book(0, FLAT, -1, 0.0, protections.START)


class Records(NamedTuple):
    """Where positions are written, one column each, `CAPACITY` long; indices are those of the file's candles."""

    opened_at: Any
    closed_at: Any
    direction: Any
    entry: Any
    take_profit: Any
    stop_loss: Any
    exit: Any
    code: Any
    ambiguous: Any
    gain_pct: Any


def indicate(stretch: Stretch, rsi_period: int, atr_period: int) -> None:
    """Fill the RSI, and the ATR unless its period is 0, of a stretch, from a fresh start."""
    strength, span = RSI_START, ATR_START
    highs, lows, rsis = stretch.series.highs, stretch.series.lows, stretch.series.rsis
    for i in range(len(stretch.closes)):
        close = stretch.closes[i]
        strength, rsis[i] = rsi_step(strength, close, rsi_period)
        if atr_period > 0:
            span, stretch.ranges[i] = atr_step(span, highs[i], lows[i], close, atr_period)


class Ended(NamedTuple):
    """A position that has ended."""

    opened_at: int
    closed_at: int
    led: Led
    stop_loss: float
    event: Event


class Bar(NamedTuple):
    """One candle."""

    high: float
    low: float
    close: float
    traded: bool


def lead(led: Led, rules: ExitRules, bar: Bar) -> tuple[Led, Event]:
    """What a candle does to an open position: its range, if anybody traded, then its close."""
    event = NOTHING
    if bar.traded:
        led, event = on_range(led, rules, bar.high, bar.low)
    if event.code in (OPEN, TARGET):
        led, event = on_close(led, rules, bar.close)
    return led, event


def open_at(rules: Rules, stretch: Stretch, i: int, direction: int) -> Led:
    """The position that candle `i` opens at its close."""
    price = stretch.closes[i]
    unit = stretch.ranges[i] if rules.atr_period > 0 else nan
    take_profit, stop_loss = levels(direction, price, rules.distances, unit)
    return opened(direction, price, take_profit, stop_loss)


def walk(rules: Rules, stretch: Stretch, book: Book, records: Records) -> tuple[Book, int]:
    """Walk a stretch from ``book.at`` until its end or until the records are full.

    Args:
        rules: What is set.
        stretch: Candles with their indicators.
        book: Carried from before.
        records: Filled from its beginning.

    Returns:
        The book, and the number of records written.
    """
    led, opened_at, stop_loss, quiet = book.led, book.opened_at, book.stop_loss, book.quiet
    # An array taken out of its tuple for each candle, or handed on in one, costs 50 ns: here that is done per position.
    series, settings, marks, closes = stretch.series, rules.strategy, stretch.marks, stretch.closes
    highs, lows, traded = series.highs, series.lows, stretch.traded
    ranges = Ranges(highs, lows, traded)
    count, i, end = 0, book.at - stretch.offset, len(closes)
    while i < end and (led.direction == 0 or count < CAPACITY):
        if led.direction != 0:
            led, i = passed_over(led, rules.exits, ranges, i)
            if i == end:
                break
            led, event = lead(led, rules.exits, Bar(highs[i], lows[i], closes[i], traded[i]))
            if event.code in (OPEN, TARGET):
                i += 1
                continue
            record(records, count, Ended(opened_at, stretch.offset + i, led, stop_loss, event), rules.exits.targets)
            count += 1
            led = FLAT
            quiet = after_exit(quiet, rules.protections, event.code == STOP_LOSS)
        # Flat, perhaps since this very candle: on to the first one on which an entry is possible.
        entry = next_mark(marks, max(i + quiet.candles, rules.warm_up - 1))
        quiet = after_candle(quiet, entry - i)
        i = entry
        if i < end:
            direction = decide(settings, series, i).direction  # noqa: F821 - bound by whoever compiles it
            if direction != 0:
                led = open_at(rules, stretch, i, direction)
                opened_at, stop_loss = stretch.offset + i, led.stop
            i += 1
    return Book(stretch.offset + i, led, opened_at, stop_loss, quiet), count


def next_mark(marks: Any, first: int) -> int:
    """Index of the first mark from `first` on; their number where there is none."""
    end = len(marks)
    while first < end and not marks[first]:
        first += 1
    return min(first, end)


def record(records: Records, row: int, ended: Ended, targets: int) -> None:
    """Write one row."""
    led, event = ended.led, ended.event
    records.opened_at[row] = ended.opened_at
    records.closed_at[row] = ended.closed_at
    records.direction[row] = led.direction
    records.entry[row] = led.entry
    records.take_profit[row] = led.take_profit
    records.stop_loss[row] = ended.stop_loss
    records.exit[row] = event.price
    records.code[row] = event.code
    records.ambiguous[row] = event.ambiguous
    records.gain_pct[row] = total_pct(led, event.price, targets)
