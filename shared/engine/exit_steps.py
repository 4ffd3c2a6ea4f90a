"""An open position and a range of prices in, what that range does to the position out: plain numbers only.

This is the one written form of targets, stops, break-even, trailing stop and time stop. Live decides on it look by
look, the backtest candle by candle (where a file has no looks), compiled from this very source.

Rule 1: within one range the order of prices is unknown. So the stop counts before every target of the same range, and
        such an exit is ambiguous.
Rule 2: a stop that moves (break-even, trailing) moves at the end of a range and acts from the next one on.
Rule 3: a level counts as touched when the range reaches it exactly; the exit price is the level, even where the price
        jumped across.
Rule 4: targets lie at equal steps between the entry and the take profit; each closes an equal share.
"""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.exit_rules import ExitRules

OPEN = 0
TARGET = 1  # one or more targets, not the last: the position goes on with the rest
TAKE_PROFIT = 2  # the last target
STOP_LOSS = 3
BREAK_EVEN = 4  # the stop, after it was moved to the entry
TRAILING_STOP = 5
TIME_STOP = 6

_AT_START = 0
_AT_ENTRY = 1
_TRAILING = 2


class Led(NamedTuple):
    """An open position as plain numbers; prices in quote units.

    Attributes:
        direction: 1 long, -1 short.
        entry: Entry price.
        take_profit: The last target.
        stop: Where the stop is now.
        best: Best price reached at the end of any range so far.
        filled: Targets reached.
        banked_pct: Gain of the shares that are closed, in percent of the entry price of the whole position.
        candles: Candles that have closed since the entry.
        stop_kind: What moved the stop last: nothing (0), break-even (1), trailing (2).
    """

    direction: int
    entry: float
    take_profit: float
    stop: float
    best: float
    filled: int
    banked_pct: float
    candles: int
    stop_kind: int


class Event(NamedTuple):
    """What happened: one of the codes above; the price of the exit or of the last target reached (0.0 when OPEN);
    whether target and stop were touched in the same range."""

    code: int
    price: float
    ambiguous: bool


def opened(direction: int, entry: float, take_profit: float, stop: float) -> Led:
    """A position that has just been opened."""
    return Led(direction, entry, take_profit, stop, entry, 0, 0.0, 0, _AT_START)


def gain_pct(direction: int, entry: float, price: float) -> float:
    """Gain at `price` in percent of the entry price, before costs."""
    return direction * (price - entry) / entry * 100.0


def target(position: Led, number: int, targets: int) -> float:
    """Price of a target; numbers count from 1, the last is the take profit itself."""
    if number >= targets:
        return position.take_profit
    return position.entry + (position.take_profit - position.entry) * number / targets


def total_pct(position: Led, price: float, targets: int) -> float:
    """Gain of the whole position if what is left of it is closed at `price`, in percent of the entry price."""
    left = (targets - position.filled) / targets
    return position.banked_pct + left * gain_pct(position.direction, position.entry, price)


def on_range(position: Led, rules: ExitRules, high: float, low: float) -> tuple[Led, Event]:
    """What one range does. After an exit the position returned is the one that ended."""
    best_here = high if position.direction > 0 else low
    worst_here = low if position.direction > 0 else high
    if (position.stop - worst_here) * position.direction >= 0.0:
        next_target = target(position, position.filled + 1, rules.targets)
        also = (best_here - next_target) * position.direction >= 0.0
        return position, Event(STOP_LOSS + position.stop_kind, position.stop, also)
    filled = position.filled
    banked = position.banked_pct
    reached = 0.0
    while filled < rules.targets:
        level = target(position, filled + 1, rules.targets)
        if (best_here - level) * position.direction < 0.0:
            break
        filled += 1
        reached = level
        if filled < rules.targets:
            banked += gain_pct(position.direction, position.entry, level) / rules.targets
    p = position
    if filled == rules.targets:
        ended = Led(p.direction, p.entry, p.take_profit, p.stop, p.best, filled - 1, banked, p.candles, p.stop_kind)
        return ended, Event(TAKE_PROFIT, p.take_profit, False)
    best = best_here if (best_here - p.best) * p.direction > 0.0 else p.best
    stop, kind = _stop_after(p, rules, filled, best)
    led = Led(p.direction, p.entry, p.take_profit, stop, best, filled, banked, p.candles, kind)
    return led, Event(TARGET if filled > p.filled else OPEN, reached, False)


def on_close(position: Led, rules: ExitRules, close: float) -> tuple[Led, Event]:
    """A candle has closed at `close`, after its ranges."""
    candles = position.candles + 1
    p = position
    aged = Led(p.direction, p.entry, p.take_profit, p.stop, p.best, p.filled, p.banked_pct, candles, p.stop_kind)
    if rules.time_stop > 0 and candles >= rules.time_stop:
        return aged, Event(TIME_STOP, close, False)
    return aged, Event(OPEN, 0.0, False)


class Ranges(NamedTuple):
    """Candles, oldest first: their highs, their lows, and whether anybody traded in them."""

    highs: Sequence[float]
    lows: Sequence[float]
    traded: Sequence[bool]


def passed_over(position: Led, rules: ExitRules, ranges: Ranges, first: int) -> tuple[Led, int]:
    """Take the candles in which nothing happens, from index `first` on, all at once.

    What `on_range` (where anybody traded) and `on_close` would do, candle by candle, up to the first that touches a
    level or brings the time stop: the position ages and its best price moves. A trailing stop moves with that price, so
    with one no candle is passed over.

    Returns:
        The position, and the index of the first candle that is left.
    """
    p = position
    highs, lows, traded = ranges
    if rules.trailing_stop_pct > 0.0:
        return p, first
    end = len(highs)
    if rules.time_stop > 0:
        end = min(end, first + rules.time_stop - p.candles - 1)
    goal = target(p, p.filled + 1, rules.targets)
    floor, ceiling = (p.stop, goal) if p.direction > 0 else (goal, p.stop)
    highest = lowest = p.best
    index = first
    while index < end:
        if traded[index]:
            high, low = highs[index], lows[index]
            if low <= floor or high >= ceiling:
                break
            highest = max(highest, high)
            lowest = min(lowest, low)
        index += 1
    best = highest if p.direction > 0 else lowest
    candles = p.candles + index - first
    return Led(p.direction, p.entry, p.take_profit, p.stop, best, p.filled, p.banked_pct, candles, p.stop_kind), index


def _stop_after(position: Led, rules: ExitRules, filled: int, best: float) -> tuple[float, int]:
    """The stop after a range that ended nothing, and what moved it."""
    direction = position.direction
    stop, kind = position.stop, position.stop_kind
    due = rules.break_even_after > 0 and filled >= rules.break_even_after
    if due and (position.entry - stop) * direction > 0.0:
        stop, kind = position.entry, _AT_ENTRY
    if rules.trailing_stop_pct > 0.0:
        trail = best * (1.0 - direction * rules.trailing_stop_pct / 100.0)
        if (trail - stop) * direction > 0.0:
            stop, kind = trail, _TRAILING
    return stop, kind
