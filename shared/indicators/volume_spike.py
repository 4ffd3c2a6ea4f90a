"""Quantities in, the place of a volume spike out.

A candle spikes when its quantity is larger than `factor` times the mean of the `period` candles before it. The candle
itself is not part of the mean, so it cannot hide its own size. Where the mean is 0 there is nothing to compare with,
and no spike.
"""

from collections.abc import Sequence

from shared.indicators.sma import sma


def largest_spike(quantities: Sequence[float], first: int, last: int, period: int, factor: float) -> int:
    """Index of the spike with the largest ratio to its mean among ``first..last`` (inclusive), or -1.

    Of equal ratios the earliest counts.
    """
    best = -1
    best_ratio = 0.0
    for index in range(first, last + 1):
        mean = sma(quantities, index, period)
        if mean > 0.0 and quantities[index] > factor * mean and quantities[index] / mean > best_ratio:
            best = index
            best_ratio = quantities[index] / mean
    return best
