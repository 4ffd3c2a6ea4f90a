"""Closes in, Relative Strength Index out: one step per close, from a running state.

J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978). Smoothing: Wilder's moving average,
``mean = (mean * (period - 1) + new) / period``. Seed: the simple mean of the first `period` changes, as in TA-Lib.
Scale: 0 to 100. The state runs on; it is never restarted from a window, because a restart on 100 closes still differs
by several hundredths of a point.

Plain floats and module-level functions only, so that a compiler for numeric Python can take this file as it stands.
"""

from math import isnan, nan
from typing import NamedTuple


class RsiState(NamedTuple):
    """What the next step needs.

    Attributes:
        close: The last close; NaN before the first.
        gain: Sum of gains while seeding, afterwards Wilder's mean gain; in price units.
        loss: The same of losses, as a positive number.
        changes: Changes seen; it stops counting one past the period.
    """

    close: float
    gain: float
    loss: float
    changes: int


START = RsiState(nan, 0.0, 0.0, 0)


def step(state: RsiState, close: float, period: int) -> tuple[RsiState, float]:
    """Take one close; give the new state and the RSI, NaN for the first `period` closes."""
    if isnan(state.close):
        return RsiState(close, 0.0, 0.0, 0), nan
    change = close - state.close
    gain = max(change, 0.0)
    loss = max(-change, 0.0)
    changes = min(state.changes + 1, period + 1)
    if changes < period:
        return RsiState(close, state.gain + gain, state.loss + loss, changes), nan
    if changes == period:
        mean_gain = (state.gain + gain) / period
        mean_loss = (state.loss + loss) / period
    else:
        mean_gain = (state.gain * (period - 1) + gain) / period
        mean_loss = (state.loss * (period - 1) + loss) / period
    return RsiState(close, mean_gain, mean_loss, changes), strength(mean_gain, mean_loss)


def strength(mean_gain: float, mean_loss: float) -> float:
    """RSI of the two means.

    50 when nothing moved at all. (TA-Lib says 0 there, which would read as deeply oversold.)
    """
    total = mean_gain + mean_loss
    if total == 0.0:
        return 50.0
    return 100.0 * (mean_gain / total)
