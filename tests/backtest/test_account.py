"""The account by hand-made cases: what one can reckon on paper."""

import numpy as np
import pytest

from shared.backtest.account import Costs, Limits, Traded, account, net_of
from shared.domain.exit_rules import ExitRules
from shared.engine.statistics import max_drawdown, net_pct
from tests.backtest.markets import arrays, records
from tests.makers import MINUTE, START

PLAIN = ExitRules(1, 0, 0.0, 0)
FREE = Costs(0.0, 0.0)
COSTS = Costs(0.0006, 0.0002)
ONE_PERCENT = Limits(0.01, 1.0)


def kept(*markets, exits=PLAIN, costs=FREE, limits=ONE_PERCENT):
    return account([Traded(*market) for market in markets], exits, costs, limits)


def test_without_a_position_the_equity_stays():
    shown = kept((arrays([100, 101, 102]), records()))
    assert shown.equity.tolist() == [1.0, 1.0, 1.0]
    assert shown.start == START + MINUTE


def test_the_equity_follows_the_close_while_a_position_is_open():
    # A stop 1 % away and a risk of 1 %: the size is the whole equity.
    shown = kept((arrays([100, 101, 99.5, 102, 50]), records((0, 3, 1, 100.0, 2.0))))
    assert shown.sizes[0].tolist() == [pytest.approx(1.0)]
    assert shown.equity.tolist() == pytest.approx([1.0, 1.01, 0.995, 1.02, 1.02])


def test_a_short_position_gains_when_the_price_falls():
    shown = kept((arrays([100, 99, 98]), records((0, 2, -1, 100.0, 2.0))))
    assert shown.equity.tolist() == pytest.approx([1.0, 1.01, 1.02])


def test_a_stop_loss_costs_exactly_the_risk_costs_included():
    limits = Limits(0.005, 0.02)
    shown = kept((arrays([100, 99]), records((0, 1, 1, 100.0, -1.0))), costs=COSTS, limits=limits)
    assert shown.equity[-1] == pytest.approx(0.995)
    assert shown.sizes[0][0] == pytest.approx(0.005 / (-net_pct(-1.0, *COSTS) / 100))


def test_an_open_position_counts_at_what_closing_it_would_leave():
    shown = kept((arrays([100, 100]), records((0, 1, 1, 100.0, 0.0))), costs=COSTS)
    assert shown.equity[0] == shown.equity[1] == pytest.approx(1 + shown.sizes[0][0] * net_pct(0.0, *COSTS) / 100)


def test_sizes_grow_with_the_equity():
    positions = records((0, 1, 1, 100.0, 2.0), (2, 3, 1, 100.0, 2.0), stop_pct=2.0)
    shown = kept((arrays([100, 102, 100, 102]), positions))
    assert shown.sizes[0].tolist() == pytest.approx([0.5, 0.505])


def test_all_open_positions_together_risk_no_more_than_allowed():
    markets = [(arrays([100] * 4, name), records((0, 3, 1, 100.0, 0.0), stop_pct=10.0)) for name in "ABC"]
    shown = kept(*markets, limits=Limits(0.01, 0.025))
    assert [sizes[0] for sizes in shown.sizes] == pytest.approx([0.1, 0.1, 0.05])


def test_positions_are_together_never_larger_than_the_equity():
    markets = [(arrays([100] * 4, name), records((0, 3, 1, 100.0, 0.0), stop_pct=1.0)) for name in "ABC"]
    shown = kept(*markets, limits=Limits(0.006, 1.0))
    assert [sizes[0] for sizes in shown.sizes] == pytest.approx([0.6, 0.4, 0.0])


def test_what_ends_makes_room_for_what_begins_with_the_same_candle():
    first = (arrays([100] * 4, "A"), records((0, 2, 1, 100.0, 0.0)))
    second = (arrays([100] * 4, "B"), records((2, 3, 1, 100.0, 0.0)))
    assert [sizes[0] for sizes in kept(first, second).sizes] == pytest.approx([1.0, 1.0])


def test_over_a_hole_the_last_value_stands():
    shown = kept((arrays([100, 101, 102], minutes=[0, 1, 4]), records((0, 2, 1, 100.0, 2.0))))
    assert shown.equity.tolist() == pytest.approx([1.0, 1.01, 1.01, 1.01, 1.02])


def test_markets_that_begin_apart_share_one_time():
    early = (arrays([100, 100], "A"), records())
    late = (arrays([100, 102], "B", start=START + 3 * MINUTE), records((0, 1, 1, 100.0, 2.0)))
    assert kept(early, late).equity.tolist() == pytest.approx([1.0, 1.0, 1.0, 1.0, 1.02])


def test_a_target_on_the_way_is_banked():
    # Two targets, at 101 and 102: half the position is closed at 101, the rest is marked at 100.
    exits = ExitRules(2, 0, 0.0, 0)
    shown = kept((arrays([100, 101, 100, 102]), records((0, 3, 1, 100.0, 1.5))), exits=exits)
    assert shown.equity.tolist() == pytest.approx([1.0, 1.01, 1.005, 1.015])


def test_the_sum_of_results_is_the_end_of_the_equity():
    rng = np.random.default_rng(1)
    for seed in range(20):
        markets = []
        for name in "ABC":
            cuts = np.sort(rng.choice(np.arange(60), 10, replace=False)).tolist()
            held = [
                (a, b, int(rng.choice([-1, 1])), 100.0, float(rng.normal()))
                for a, b in zip(cuts[::2], cuts[1::2], strict=True)
            ]
            markets.append((arrays(100 + rng.normal(size=60), name), records(*held)))
        shown = kept(*markets, costs=COSTS, limits=Limits(0.005, 0.02))
        assert shown.equity[-1] == pytest.approx(1 + sum(map(np.sum, shown.results)), abs=1e-12), seed
        assert float(shown.drawdown.max()) == pytest.approx(max_drawdown(shown.equity.tolist()))


def test_net_results_are_those_of_the_gains_that_are_written():
    assert net_of(records((0, 1, 1, 100.0, 1.23456)), COSTS).tolist() == [net_pct(1.2346, *COSTS)]
