"""Lows (or highs) in, "is this one a pivot" out.

A pivot low is strictly lower than each of the `left` values before it and each of the `right` values after it. A tie on
either side is no pivot: the price came to the same level and has not turned. So a stretch of minutes without trades has
none. A pivot can be known only `right` candles later.
"""

from collections.abc import Sequence


def is_pivot(values: Sequence[float], index: int, left: int, right: int, direction: int) -> bool:
    """Whether ``values[index]`` is a pivot; `direction` 1 looks for a low, -1 for a high.

    False where the neighbourhood reaches beyond the values.
    """
    if index < left or index + right >= len(values):
        return False
    level = direction * values[index]
    for other in range(index - left, index + right + 1):
        if other != index and direction * values[other] <= level:
            return False
    return True
