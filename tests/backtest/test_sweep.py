"""Sweeps: what is tried, how it is sorted, and when the best is not believed."""

from math import inf

import numpy as np
import pytest

from shared.backtest.account import Costs
from shared.backtest.sweep import Axis, Trial, combinations, cuts, figure, ranked, standing, trial, with_threads
from tests.backtest.markets import arrays, busy_walk
from tests.makers import MINUTE, START

AXES = (Axis("oversold", (20.0, 25.0, 30.0)), Axis("pivot_left", (3, 5)))
COSTS = Costs(0.0006, 0.0002)


def made(values, nets, begin=0):
    """A trial whose results begin and end one after the other."""
    times = begin + np.arange(len(nets))
    return Trial(values, times, times + 1, np.array(nets, dtype=float))


def test_every_combination_is_tried():
    sets = combinations(AXES, None, 1)
    assert len(sets) == 6
    assert sets[0] == {"oversold": 20.0, "pivot_left": 3}


def test_a_choice_at_random_is_the_same_for_the_same_seed():
    assert combinations(AXES, 3, 1) == combinations(AXES, 3, 1)
    assert all(chosen in combinations(AXES, None, 1) for chosen in combinations(AXES, 3, 2))
    assert len({tuple(chosen.values()) for chosen in combinations(AXES, 5, 7)}) == 5
    assert len(combinations(AXES, 100, 1)) == 6


def test_a_trial_has_the_results_of_all_markets():
    markets = [busy_walk(), busy_walk(seed=4)]
    loose = {"oversold": 40.0, "overbought": 60.0}
    alone = [trial(loose, [market], "rsi_divergence", {}, COSTS) for market in markets]
    together = trial(loose, markets, "rsi_divergence", {}, COSTS)
    assert len(together.nets) == sum(len(one.nets) for one in alone) > 30
    assert together.within(-inf, inf).sum() == pytest.approx(sum(one.nets.sum() for one in alone))


def test_a_set_that_the_strategy_refuses_is_left_out():
    assert trial({"min_distance": 70}, [busy_walk(300)], "rsi_divergence", {}, COSTS) is None


def test_threads_keep_the_order():
    sets = combinations(AXES, None, 1)
    assert [one.values for one in with_threads(lambda values: made(values, [1.0]), sets)] == sets


def test_a_span_holds_what_began_and_ended_in_it():
    one = made({}, [1.0, 2.0, 3.0])
    assert one.within(0, 2).tolist() == [1.0, 2.0]
    assert one.within(1, inf).tolist() == [2.0, 3.0]
    assert one.within(0.5, 1.5).tolist() == []


def test_the_figure_is_the_lower_end_of_the_interval():
    nets = np.array([1.0, -1.0] * 50)
    assert figure(nets).low == pytest.approx(-1.96 * nets.std(ddof=1) / 10, abs=1e-4)
    assert figure(nets[:29]).low == -inf
    assert figure(nets[:0]) == (0, 0.0, -inf)


def test_what_is_well_supported_stands_above_a_higher_mean_of_few_results():
    few = made({"oversold": 20.0}, [5.0] * 5)
    scattered = made({"oversold": 25.0}, [4.0, -3.0] * 20)
    steady = made({"oversold": 30.0}, [0.4, 0.1] * 20)
    assert ranked([few, scattered, steady], -inf, inf) == [steady, scattered, few]


@pytest.mark.parametrize(
    ("around", "is_alone"), [([0.9, 0.8], False), ([0.1, -0.4], True), ([], True), ([-0.5, -0.5], True)]
)
def test_the_best_is_not_believed_where_its_neighbours_do_not_follow(around, is_alone):
    axes = (Axis("oversold", (20.0, 25.0, 30.0)),)
    best = made({"oversold": 25.0}, [1.0, 1.1] * 20)
    others = [made({"oversold": value}, [mean] * 40) for value, mean in zip((20.0, 30.0), around, strict=False)]
    assert standing(best, [best, *others], axes, -inf, inf).is_alone is is_alone


def test_only_the_nearest_are_neighbours():
    axes = (Axis("oversold", tuple(float(value) for value in range(10))),)
    best = made({"oversold": 5.0}, [1.0] * 40)
    near = [made({"oversold": value}, [0.9] * 40) for value in (4.0, 6.0)]
    far = [made({"oversold": value}, [-9.0] * 40) for value in (0.0, 1.0, 9.0)]
    assert standing(best, [*far, best, *near], axes, -inf, inf) == (2, pytest.approx(0.9), False)


def test_a_loss_never_stands_alone():
    axes = (Axis("oversold", (20.0, 25.0)),)
    assert not standing(made({"oversold": 20.0}, [-1.0] * 40), [], axes, -inf, inf).is_alone


def test_spans_are_cut_by_candles_not_by_the_calendar():
    early, late = arrays([1.0] * 50), arrays([1.0] * 50, start=START + 500_000 * MINUTE)
    assert cuts([late, early], [0.5]) == [float(late.open_times[0])]
    assert cuts([early], [0.2]) == [float(early.open_times[10])]
