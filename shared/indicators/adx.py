"""Highs, lows and closes in, directional movement out (+DI, -DI, ADX): one step per candle, from a running state.

J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978). Directional movement: of the rise of the high and
the fall of the low the larger one, when it is positive. Movements and true ranges are Wilder sums,
``sum = sum - sum / period + new``, seeded with the plain sum of the first ``period - 1`` of them, as in TA-Lib. ADX is
Wilder's moving average of DX, seeded with the simple mean of the first `period` of them. Scale: 0 to 100.

Plain floats and module-level functions only, so that a compiler for numeric Python can take this file as it stands.
"""

from math import isnan, nan
from typing import NamedTuple


class AdxState(NamedTuple):
    """What the next step needs.

    Attributes:
        high: The last high; NaN before the first candle.
        low: The last low.
        close: The last close.
        plus: Wilder sum of upward movement, in price units.
        minus: Wilder sum of downward movement.
        ranges: Wilder sum of true ranges.
        mean: Sum of DX while seeding, afterwards the ADX.
        moves: Changes seen; it stops counting at twice the period.
    """

    high: float
    low: float
    close: float
    plus: float
    minus: float
    ranges: float
    mean: float
    moves: int


class Directional(NamedTuple):
    """+DI and -DI (NaN for the first `period` candles) and ADX (NaN for the first ``2 * period - 1``), 0 to 100."""

    plus: float
    minus: float
    adx: float


START = AdxState(nan, nan, nan, 0.0, 0.0, 0.0, 0.0, 0)


def step(state: AdxState, high: float, low: float, close: float, period: int) -> tuple[AdxState, Directional]:
    """Take one candle; give the new state and its directional movement. `period` is at least 2."""
    if isnan(state.close):
        return START._replace(high=high, low=low, close=close), Directional(nan, nan, nan)
    rise, fall = high - state.high, state.low - low
    true_range = max(high - low, abs(high - state.close), abs(low - state.close))
    moves = min(state.moves + 1, 2 * period)
    kept = 1.0 if moves < period else 1.0 - 1.0 / period
    plus = state.plus * kept + (rise if rise > fall and rise > 0.0 else 0.0)
    minus = state.minus * kept + (fall if fall > rise and fall > 0.0 else 0.0)
    ranges = state.ranges * kept + true_range
    if moves < period:
        return AdxState(high, low, close, plus, minus, ranges, 0.0, moves), Directional(nan, nan, nan)
    plus_di = 100.0 * plus / ranges if ranges > 0.0 else 0.0
    minus_di = 100.0 * minus / ranges if ranges > 0.0 else 0.0
    mean, adx = _smooth(state, plus_di, minus_di, period)
    return AdxState(high, low, close, plus, minus, ranges, mean, moves), Directional(plus_di, minus_di, adx)


def _smooth(state: AdxState, plus_di: float, minus_di: float, period: int) -> tuple[float, float]:
    """The next ``mean`` of the state, and the ADX."""
    both = plus_di + minus_di
    dx = 100.0 * abs(plus_di - minus_di) / both if both > 0.0 else 0.0
    seen = state.moves + 1 - (period - 1)
    if seen < period:
        return state.mean + dx, nan
    mean = (state.mean * (period - 1 if seen > period else 1) + dx) / period
    return mean, mean
