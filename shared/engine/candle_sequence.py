"""Stored candles in, the steps that may be taken with them out: what is evaluated, passed over or waited for.

Rule 1: a strategy sees complete candles only, each directly after the one before.
Rule 2: a minute that is missing or incomplete is waited for until `hole_patience` candles after it are stored, since it
    may be healed.
Rule 3: then it is a hole: the strategy starts anew behind it. An incomplete candle still serves the exits of an open
    position with what was seen.
"""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.candle import Candle


class Step(NamedTuple):
    """The next candle to take. A complete one is evaluated, an incomplete one is a hole that serves exits only.

    `after_gap`: minutes before it are missing, so the strategy starts anew with it.
    """

    candle: Candle
    after_gap: bool


class Plan(NamedTuple):
    """Steps in order, and the open time (ms UTC) of the minute that is waited for, if any."""

    steps: list[Step]
    waiting_for: int | None


def plan(evaluated_to: int, candles: Sequence[Candle], hole_patience: int) -> Plan:
    """What may be done with `candles` (ascending, one instrument) after `evaluated_to`.

    Args:
        evaluated_to: Open time (ms UTC) of the last candle taken; 0 before the first: then the plan begins with the
            oldest complete candle.
        candles: Those at or before `evaluated_to` are passed by.
        hole_patience: Candles that must be stored after a missing or incomplete minute before it is given up.
    """
    fresh = [candle for candle in candles if candle.open_time > evaluated_to]
    if not evaluated_to:
        fresh = _from_first_complete(fresh)
    steps: list[Step] = []
    last = evaluated_to
    for index, candle in enumerate(fresh):
        stored_after = len(fresh) - index - 1
        expected = last + candle.timeframe.millis if last else candle.open_time
        after_gap = candle.open_time > expected
        if after_gap and stored_after + 1 < hole_patience:
            return Plan(steps, expected)
        if not candle.complete and stored_after < hole_patience:
            return Plan(steps, candle.open_time)
        steps.append(Step(candle, after_gap))
        last = candle.open_time
    return Plan(steps, None)


def stretch_to(candles: Sequence[Candle], open_time: int) -> list[Candle]:
    """The complete candles without a hole between them that end with the one opened at `open_time` (ms UTC), ascending.

    Empty when that candle is not among `candles` (ascending) or is incomplete. A strategy may be warmed up with them.
    """
    stretch: list[Candle] = []
    expected = open_time
    for candle in reversed(candles):
        if candle.open_time > open_time:
            continue
        if candle.open_time != expected or not candle.complete:
            break
        stretch.append(candle)
        expected -= candle.timeframe.millis
    stretch.reverse()
    return stretch


def _from_first_complete(candles: list[Candle]) -> list[Candle]:
    for index, candle in enumerate(candles):
        if candle.complete:
            return candles[index:]
    return []
