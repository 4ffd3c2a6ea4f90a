"""Values in, exponential moving average out: one step per value, from a running state.

``mean = mean + (new - mean) * 2 / (period + 1)``. Seed: the simple mean of the first `period` values, as in TA-Lib.

Plain floats and module-level functions only, so that a compiler for numeric Python can take this file as it stands.
"""

from math import nan
from typing import NamedTuple


class EmaState(NamedTuple):
    """What the next step needs.

    Attributes:
        mean: Sum of values while seeding, afterwards the moving average.
        values: Values seen; it stops counting at the period.
    """

    mean: float
    values: int


START = EmaState(0.0, 0)


def step(state: EmaState, value: float, period: int) -> tuple[EmaState, float]:
    """Take one value; give the new state and the average, NaN for the first ``period - 1`` values."""
    if state.values == period:
        mean = state.mean + (value - state.mean) * (2.0 / (period + 1))
        return EmaState(mean, period), mean
    values = state.values + 1
    if values < period:
        return EmaState(state.mean + value, values), nan
    mean = (state.mean + value) / period
    return EmaState(mean, period), mean
