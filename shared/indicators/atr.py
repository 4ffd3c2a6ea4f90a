"""Highs, lows and closes in, Average True Range out: one step per candle, from a running state.

J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978). True range: the largest of high - low,
|high - previous close| and |low - previous close|. Smoothing: Wilder's moving average; seed: the simple mean of the
first `period` true ranges, the first of which needs a previous close, as in TA-Lib. Unit: price.

Plain floats and module-level functions only, so that a compiler for numeric Python can take this file as it stands.
"""

from math import isnan, nan
from typing import NamedTuple


class AtrState(NamedTuple):
    """What the next step needs.

    Attributes:
        close: The last close; NaN before the first.
        mean: Sum of true ranges while seeding, afterwards Wilder's mean.
        ranges: True ranges seen; it stops counting one past the period.
    """

    close: float
    mean: float
    ranges: int


START = AtrState(nan, 0.0, 0)


def step(state: AtrState, high: float, low: float, close: float, period: int) -> tuple[AtrState, float]:
    """Take one candle; give the new state and the ATR, NaN for the first `period` candles."""
    if isnan(state.close):
        return AtrState(close, 0.0, 0), nan
    true_range = max(high - low, abs(high - state.close), abs(low - state.close))
    ranges = min(state.ranges + 1, period + 1)
    if ranges < period:
        return AtrState(close, state.mean + true_range, ranges), nan
    weight = 1 if ranges == period else period - 1
    mean = (state.mean * weight + true_range) / period
    return AtrState(close, mean, ranges), mean
