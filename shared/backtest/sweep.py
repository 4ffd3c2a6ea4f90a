"""Sets of parameters in, the results of each out; and which of them stands where: judged on one span, told on another.

What is told of a set never comes from the span it was chosen on.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, product
from math import inf, prod, sqrt
from random import Random
from statistics import median
from typing import NamedTuple

import numpy as np

from shared.backtest.account import Costs, net_of
from shared.backtest.candle_arrays import Array, CandleArrays
from shared.backtest.numeric_strategy import numeric
from shared.backtest.positions import walked
from shared.engine.statistics import LEAST
from shared.errors import ConfigurationError

Values = Mapping[str, float]
_Z = 1.959963984540054  # 95 %
_LEAST_NEIGHBOURS = 2


class Axis(NamedTuple):
    """A parameter and the values to try, ascending."""

    name: str
    values: tuple[float, ...]


class Figure(NamedTuple):
    """Net results of a span in percent: their number, their mean, and the lower end of its 95 % interval.

    The interval is ``mean - 1.96 s / sqrt(n)``; it is minus infinity for fewer than 30 results. Sets are sorted by it:
    a high mean of few or scattered results stands below a lower one that is well supported.
    """

    trades: int
    mean: float
    low: float


@dataclass(frozen=True)
class Trial:
    """Results of one set of parameters in all markets, in no order: entry and exit times (ms UTC), net percent."""

    values: Values
    entries: Array
    exits: Array
    nets: Array

    def within(self, begin: float, end: float) -> Array:
        """Net results of the positions that began at `begin` or later and ended at `end` or before."""
        return self.nets[(self.entries >= begin) & (self.exits <= end)]


class Standing(NamedTuple):
    """How the best of the train span stands among its neighbours.

    Attributes:
        neighbours: How many were looked at.
        typical: Median of their means on the train span, percent.
        is_alone: The best gains while its neighbours typically gain less than half of it, or there are too few: then it
            is rather luck than a property of the market.
    """

    neighbours: int
    typical: float
    is_alone: bool


Work = Callable[[Values], Trial | None]
"""`trial` of a set, everything else given."""


def combinations(axes: Sequence[Axis], count: int | None, seed: int) -> list[Values]:
    """Every combination of the values, or `count` of them chosen at random."""
    total = prod(len(axis.values) for axis in axes)
    whole = product(*(axis.values for axis in axes))
    names = [axis.name for axis in axes]
    if count is None or count >= total:
        return [dict(zip(names, values, strict=True)) for values in whole]
    chosen = Random(seed).sample(range(total), count)  # noqa: S311 - a choice, no secret
    return [dict(zip(names, _combination(axes, place), strict=True)) for place in sorted(chosen)]


def trial(values: Values, markets: Sequence[CandleArrays], name: str, fixed: Values, costs: Costs) -> Trial | None:
    """One set; None where the strategy refuses it (a distance whose least is above its most)."""
    try:
        strategy = numeric(name, {**fixed, **values})
    except ConfigurationError:
        return None
    entries, exits, nets = [], [], []
    for market in markets:
        records, _ = walked(market, strategy)
        entries.append(market.open_times[records.opened_at] + market.timeframe.millis)
        exits.append(market.open_times[records.closed_at] + market.timeframe.millis)
        nets.append(net_of(records, costs))
    return Trial(values, *map(np.concatenate, (entries, exits, nets)))


def with_threads(work: Work, sets: Sequence[Values]) -> Iterator[Trial | None]:
    """All sets, on all cores of this machine: machine code runs side by side."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(work, sets)


def figure(nets: Array) -> Figure:
    """See `Figure`."""
    count = len(nets)
    if count == 0:
        return Figure(0, 0.0, -inf)
    mean = float(nets.mean())
    low = mean - _Z * float(nets.std(ddof=1)) / sqrt(count) if count >= LEAST else -inf
    return Figure(count, mean, low)


def cuts(markets: Iterable[CandleArrays], shares: Sequence[float]) -> list[float]:
    """Times (ms UTC) before which these shares of all candles lie; so months apart are not cut where nothing is."""
    times = np.sort(np.concatenate([market.open_times for market in markets]))
    return [float(times[min(int(share * len(times)), len(times) - 1)]) for share in shares]


def ranked(trials: Iterable[Trial], begin: float, end: float) -> list[Trial]:
    """Best first, by the figure of this span; sets with too few results last, by their mean."""

    def worth(one: Trial) -> tuple[float, float]:
        found = figure(one.within(begin, end))
        return found.low, found.mean if found.trades else -inf

    return sorted(trials, key=worth, reverse=True)


def standing(best: Trial, trials: Iterable[Trial], axes: Sequence[Axis], begin: float, end: float) -> Standing:
    """The best among those nearest to it, counted in steps of the axes: two for each axis."""
    places = {axis.name: {value: i for i, value in enumerate(axis.values)} for axis in axes}

    def steps(one: Trial) -> int:
        return sum(abs(places[name][value] - places[name][best.values[name]]) for name, value in one.values.items())

    others = sorted((one for one in trials if one is not best), key=steps)
    near = [figure(one.within(begin, end)) for one in islice(others, 2 * len(axes))]
    means = [found.mean for found in near if found.trades >= LEAST]
    typical, own = median(means) if means else 0.0, figure(best.within(begin, end)).mean
    return Standing(len(means), typical, own > 0 and (len(means) < _LEAST_NEIGHBOURS or typical < own / 2))


def _combination(axes: Sequence[Axis], place: int) -> list[float]:
    values = []
    for axis in reversed(axes):
        place, digit = divmod(place, len(axis.values))
        values.append(axis.values[digit])
    return values[::-1]
