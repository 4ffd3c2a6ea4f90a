"""An open position and the ranges the price went through in, the exit they caused out.

Rule 1: exits are decided look by look, oldest first, and a look is decided once.
Rule 2: when both levels lie in one look the order is unknown, so the loss counts and the exit is marked ambiguous.
Rule 3: the exit price is the level touched, even where the price jumped across (a paper convention: docs/signals.md).
"""

from collections.abc import Iterable
from typing import NamedTuple

from shared.domain.book import Position
from shared.domain.candle import Candle, Look
from shared.domain.signal import ExitReason, Side

OPEN = 0
TAKE_PROFIT = 1
STOP_LOSS = 2
AMBIGUOUS = 3  # a stop loss, with the take profit in the same look


class Exit(NamedTuple):
    """An exit. `price` is the level touched; `look` is the range that decided, and its end is the time of the exit."""

    reason: ExitReason
    price: float
    ambiguous: bool
    look: Look


def outcome(direction: int, take_profit: float, stop_loss: float, high: float, low: float) -> int:
    """What one range does to a position: OPEN, TAKE_PROFIT, STOP_LOSS or AMBIGUOUS.

    `direction` is 1 for long, -1 for short. A level counts as touched when the range reaches it exactly.
    """
    if direction > 0:
        gained = high >= take_profit
        lost = low <= stop_loss
    else:
        gained = low <= take_profit
        lost = high >= stop_loss
    if lost:
        return AMBIGUOUS if gained else STOP_LOSS
    return TAKE_PROFIT if gained else OPEN


def looks_of(candle: Candle) -> tuple[Look, ...]:
    """The ranges in a candle that is over: its looks; else the whole candle as one; none when nobody traded."""
    if candle.looks:
        return candle.looks
    if candle.trades == 0 and candle.quantity == 0:
        return ()
    return (Look(candle.close_time, candle.high, candle.low),)


def first_exit(position: Position, looks: Iterable[Look], looked_to: int) -> Exit | None:
    """The exit in the first look that ends after `looked_to` (ms UTC) and touches a level, or None."""
    direction = 1 if position.side is Side.LONG else -1
    for look in looks:
        if look.end <= looked_to:
            continue
        found = outcome(direction, position.take_profit, position.stop_loss, float(look.high), float(look.low))
        if found == TAKE_PROFIT:
            return Exit(ExitReason.TAKE_PROFIT, position.take_profit, ambiguous=False, look=look)
        if found != OPEN:
            return Exit(ExitReason.STOP_LOSS, position.stop_loss, ambiguous=found == AMBIGUOUS, look=look)
    return None
