"""Trials in, what the best of each training span made of the span that follows it out.

The candles are cut into K + 1 equal stretches. For each of the last K: the set that is best on everything before it is
taken, and its results in that stretch count. No result counts that its own choice has seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np

from shared.backtest.candle_arrays import Array, CandleArrays
from shared.backtest.sweep import Figure, Trial, Values, cuts, figure, ranked


@dataclass(frozen=True)
class Fold:
    """One stretch.

    Attributes:
        begin: Of the test, ms UTC.
        end: Of the test, ms UTC.
        chosen: The set that was best before it; None where none had enough results to choose by.
        train: Its figure there.
        nets: Its net results in the test.
    """

    begin: float
    end: float
    chosen: Values | None
    train: Figure
    nets: Array


def walk_forward(trials: Sequence[Trial], markets: Sequence[CandleArrays], folds: int) -> list[Fold]:
    """The folds, ascending.

    Args:
        trials: At least one.
        markets: Whose candles were tried.
        folds: K.
    """
    times = [*cuts(markets, [k / (folds + 1) for k in range(1, folds + 1)]), inf]
    return [_fold(trials, begin, end) for begin, end in pairwise(times)]


def _fold(trials: Sequence[Trial], begin: float, end: float) -> Fold:
    best = ranked(trials, -inf, begin)[0]
    train = figure(best.within(-inf, begin))
    if train.low == -inf:
        return Fold(begin, end, None, train, np.empty(0))
    return Fold(begin, end, best.values, train, best.within(begin, end))
