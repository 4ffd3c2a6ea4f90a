"""An open position and the ranges the price went through in; what it came to, range by range, out.

What one range does is decided by `shared.engine.exit_steps`. Rules of this file:

Rule 1: looks are taken oldest first, and a look is taken once.
Rule 2: a candle whose inside is not known is one look; one in which nobody traded has none.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from shared.domain.book import Position
from shared.domain.candle import Candle, Look
from shared.domain.exit_rules import ExitRules
from shared.domain.signal import ExitReason, Side
from shared.engine import exit_steps
from shared.engine.exit_steps import Event, Led

REASONS = {
    exit_steps.TAKE_PROFIT: ExitReason.TAKE_PROFIT,
    exit_steps.STOP_LOSS: ExitReason.STOP_LOSS,
    exit_steps.BREAK_EVEN: ExitReason.BREAK_EVEN,
    exit_steps.TRAILING_STOP: ExitReason.TRAILING_STOP,
    exit_steps.TIME_STOP: ExitReason.TIME_STOP,
}
"""What an exit's code is called."""


class Turn(NamedTuple):
    """Something worth saying: a target reached, or the end.

    Attributes:
        reason: Why the position ended; None for a target on the way.
        price: The level touched, or the close of a time stop.
        ambiguous: The next target lay in the same range.
        look: The range that decided; its end is the time.
        gain_pct: Gain of the whole position if it is closed at `price`, in percent of the entry price, before costs,
            rounded to 4 decimals.
    """

    reason: ExitReason | None
    price: float
    ambiguous: bool
    look: Look
    gain_pct: float


class Course(NamedTuple):
    """A position after some ranges, and what happened on the way; the last turn has a reason when it has ended."""

    position: Position
    turns: tuple[Turn, ...]

    @property
    def end(self) -> Turn | None:
        """The exit, if there was one."""
        last = self.turns[-1] if self.turns else None
        return last if last is not None and last.reason is not None else None


def looks_of(candle: Candle) -> tuple[Look, ...]:
    """The ranges in a candle that is over: its looks; else the whole candle as one; none when nobody traded."""
    if candle.looks:
        return candle.looks
    if candle.trades == 0 and candle.quantity == 0:
        return ()
    return (Look(candle.close_time, candle.high, candle.low),)


def through_looks(position: Position, rules: ExitRules, looks: Iterable[Look], looked_to: int) -> Course:
    """Lead a position through the looks that end after `looked_to` (ms UTC), until it ends."""
    led = _led(position)
    turns: list[Turn] = []
    for look in looks:
        if look.end <= looked_to:
            continue
        led, event = exit_steps.on_range(led, rules, float(look.high), float(look.low))
        if event.code == exit_steps.OPEN:
            continue
        turns.append(_turn(led, rules, event, look))
        if event.code != exit_steps.TARGET:
            break
    return Course(_position(position, led), tuple(turns))


def at_close(position: Position, rules: ExitRules, candle: Candle) -> Course:
    """The candle has closed, after its looks: the position is a candle older, and may be too old."""
    led, event = exit_steps.on_close(_led(position), rules, float(candle.close))
    if event.code == exit_steps.OPEN:
        return Course(_position(position, led), ())
    look = Look(candle.close_time, candle.close, candle.close)
    return Course(_position(position, led), (_turn(led, rules, event, look),))


def _turn(led: Led, rules: ExitRules, event: Event, look: Look) -> Turn:
    gain = exit_steps.total_pct(led, event.price, rules.targets)
    return Turn(REASONS.get(event.code), event.price, event.ambiguous, look, round(gain, 4))


def _led(position: Position) -> Led:
    return Led(
        direction=1 if position.side is Side.LONG else -1,
        entry=position.entry_price,
        take_profit=position.take_profit,
        stop=position.stop or position.stop_loss,
        best=position.best or position.entry_price,
        filled=position.filled,
        banked_pct=position.banked_pct,
        candles=position.candles,
        stop_kind=position.stop_kind,
    )


def _position(position: Position, led: Led) -> Position:
    return replace(
        position,
        stop=0.0 if led.stop == position.stop_loss else led.stop,
        best=led.best,
        filled=led.filled,
        banked_pct=led.banked_pct,
        candles=led.candles,
        stop_kind=led.stop_kind,
    )
