"""Exits and candles in, whether a new entry is allowed now out: plain numbers only, one memory per book.

Rule 1: after an exit no entry for `cooldown` candles, the one that saw the exit included.
Rule 2: after `guard_stops` losing stops in a row no entry for `guard_pause` candles.
"""

from typing import NamedTuple

from shared.domain.exit_rules import ProtectionRules


class Quiet(NamedTuple):
    """Memory: losing stops in a row, and the candles for which no entry is allowed."""

    stops: int
    candles: int


START = Quiet(0, 0)


def after_exit(quiet: Quiet, rules: ProtectionRules, lost_by_stop: bool) -> Quiet:
    """A position has ended."""
    stops = quiet.stops + 1 if lost_by_stop else 0
    candles = max(quiet.candles, rules.cooldown)
    if rules.guard_stops > 0 and stops >= rules.guard_stops:
        return Quiet(0, max(candles, rules.guard_pause))
    return Quiet(stops, candles)


def after_candle(quiet: Quiet, count: int = 1) -> Quiet:
    """A candle (or `count` of them) is done with, its exits and its entry included."""
    return Quiet(quiet.stops, max(0, quiet.candles - count))
