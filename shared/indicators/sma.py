"""Values in, their simple moving average out.

The window is summed anew, oldest first, instead of kept as a running sum: the result then depends on the window alone
and not on where a process started. Works on lists and on arrays alike.
"""

from collections.abc import Sequence
from math import nan


def sma(values: Sequence[float], end: int, period: int) -> float:
    """Mean of the `period` values before index `end` (exclusive); NaN while there are fewer."""
    if end < period:
        return nan
    total = 0.0
    for index in range(end - period, end):
        total += values[index]
    return total / period
