"""Figures that do not flatter: against published values, by hand, and by properties."""

from math import inf, sqrt
from random import Random
from statistics import stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.engine.statistics import (
    equity_curve,
    max_drawdown,
    net_pct,
    profit_factor,
    record,
    record_line,
    wilson,
)

results = st.lists(st.floats(-5, 5), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("wins", "count", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_wilson_interval_equals_published_values(wins, count, low, high):
    interval = wilson(wins, count)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


def test_costs_are_paid_on_both_sides():
    assert net_pct(1.5, 0.0006, 0.0002) == pytest.approx(1.5 - 0.08 * (1 + 1.015))


def test_what_rounds_to_nothing_is_a_break_even():
    shown = record([0.004, -0.004, 0.006, -0.006])
    assert (shown.wins, shown.losses, shown.break_evens) == (1, 1, 2)


def test_equal_results_give_equal_figures():
    assert record([1.0, -0.7, 1.0]) == record([1.0, -0.7, 1.0])


def test_nothing_is_claimed_of_nothing():
    shown = record([])
    assert (shown.win_rate, shown.expectancy_pct, shown.profit_factor) == (None, None, None)
    assert not shown.is_meaningful


@settings(deadline=None, max_examples=30)  # two thousand resamples each
@given(results)
def test_intervals_hold_their_figure(values):
    shown = record(values)
    for interval in (shown.expectancy_pct, shown.win_rate):
        if interval is not None:
            assert interval.low <= interval.high
    assert min(values) - 1e-9 <= shown.expectancy_pct.low <= shown.expectancy_pct.high <= max(values) + 1e-9


def test_the_profit_factor_without_a_loss_is_infinite():
    assert profit_factor([1.0, 2.0]) == inf
    assert profit_factor([1.0, -2.0]) == 0.5


@pytest.mark.parametrize(
    ("equity", "worst"), [([1.0, 2.0, 1.0, 3.0, 2.4], 0.5), ([1.0, 2.0], 0.0), ([2.0, 1.0, 0.5], 0.75), ([], 0.0)]
)
def test_the_drawdown_is_measured_from_the_peak(equity, worst):
    assert max_drawdown(equity) == worst


def test_the_bootstrap_agrees_with_theory_where_there_is_one():
    random = Random(7)  # noqa: S311 - a sample, no secret
    values = [random.gauss(0.1, 1.0) for _ in range(400)]
    interval = record(values).expectancy_pct
    error = stdev(values) / sqrt(len(values))
    assert interval.low == pytest.approx(interval.value - 1.96 * error, abs=0.15 * error)
    assert interval.high == pytest.approx(interval.value + 1.96 * error, abs=0.15 * error)


def test_equity_is_what_one_unit_becomes():
    assert equity_curve([100.0, -50.0, 10.0]) == pytest.approx([1.0, 2.0, 1.0, 1.1])
    assert equity_curve([]) == [1.0]


def test_a_record_is_told_with_its_interval():
    line = record_line([1.34] * 12 + [-0.86] * 19)
    assert line.startswith("this setup so far: 12 of 31 won (95 %: 24-56 %), expectancy -0.01 % (")
    assert line.endswith("net of costs")


@pytest.mark.parametrize(
    ("values", "count"), [([], 0), ([1.0], 1), ([1.0] * 29, 29), ([0.0] * 30, 30)], ids=["none", "one", "few", "even"]
)
def test_no_record_is_claimed_of_too_few(values, count):
    shown = record_line(values)
    assert f"{count} results" in shown
    assert "no claim" in shown
    assert "%" not in shown
