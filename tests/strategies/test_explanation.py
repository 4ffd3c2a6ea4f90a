"""Explanations agree with decisions: an entry is explained where one is decided, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.signal import Side
from shared.strategies import rsi_divergence, rsi_threshold
from shared.strategies.explanation import Explains, Explanation, Gate, asked_in_turn, volume_gate
from shared.strategies.rsi_window import Series
from tests.strategies.markets import walk

SIDES = {1: Side.LONG, -1: Side.SHORT, 0: None}


@st.composite
def series(draw):
    """Few distinct values, so that ties, spikes and divergences are frequent."""
    size = draw(st.integers(12, 40))

    def column(least, most):
        return draw(st.lists(st.integers(least, most).map(float), min_size=size, max_size=size))

    lows = column(90, 96)
    return Series([low + 1 for low in lows], lows, column(0, 3), column(20, 80))


divergence_rules = st.builds(
    lambda low, high, distance, factor: rsi_divergence.rules_of(
        rsi_divergence.Parameters(
            oversold=low,
            overbought=high,
            pivot_left=1,
            pivot_right=1,
            min_distance=distance,
            max_distance=12,
            volume_period=3,
            volume_factor=factor,
        )
    ),
    st.floats(30, 90),
    st.floats(90, 95),
    st.integers(1, 4),
    st.floats(0.2, 1.2),
) | st.just(
    rsi_divergence.rules_of(
        rsi_divergence.Parameters(
            oversold=60.0,
            overbought=60.0,
            pivot_left=1,
            pivot_right=1,
            min_distance=1,
            volume_period=3,
            volume_factor=0.5,
        )
    )
)


def entries(explanations):
    return [explanation.side for explanation in explanations if explanation.is_entry]


@settings(deadline=None, max_examples=300)
@given(series(), divergence_rules)
def test_the_divergence_is_explained_as_an_entry_exactly_where_it_is_decided(drawn, rules):
    for last in range(5, len(drawn.rsis)):
        side = SIDES[rsi_divergence.decide(rules, drawn, last).direction]
        assert entries(rsi_divergence.explain(rules, drawn, last)) == ([side] if side else [])


@settings(deadline=None, max_examples=300)
@given(series(), st.floats(20, 50), st.floats(50, 80), st.floats(0.2, 1.5))
def test_the_threshold_is_explained_as_an_entry_exactly_where_it_is_decided(drawn, low, high, factor):
    rules = rsi_threshold.Rules(low, high, 3, factor)
    for last in range(4, len(drawn.rsis)):
        side = SIDES[rsi_threshold.decide(rules, drawn, last).direction]
        assert entries(rsi_threshold.explain(rules, drawn, last)) == ([side] if side else [])


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (rsi_divergence, {"oversold": 40.0, "overbought": 60.0, "pivot_left": 2, "pivot_right": 1}),
        (rsi_threshold, {"oversold": 35.0, "overbought": 65.0}),
    ],
)
def test_a_running_strategy_explains_each_of_its_entries_with_the_numbers_of_its_record(module, parameters):
    strategy, found = module.create(parameters), 0
    assert isinstance(strategy, Explains)
    for candle in walk(5, 1_500):
        entry = strategy.on_candle(candle)
        explanations = strategy.explain()
        assert entries(explanations) == ([entry.side] if entry else [])
        if entry:
            found += 1
            (gates,) = (explanation.gates for explanation in explanations if explanation.is_entry)
            told = {gate.name: gate.value for gate in gates}
            recorded = {gate["name"]: gate["value"] for gate in entry.decision["gates"]}
            assert {name: told[name] for name in recorded} == pytest.approx(recorded)
    assert found > 3


def test_a_strategy_that_is_not_warm_explains_nothing():
    assert rsi_threshold.create({}).explain() == ()


BULLISH = rsi_divergence.rules_of(
    rsi_divergence.Parameters(
        pivot_left=2, pivot_right=1, min_distance=3, max_distance=6, volume_period=2, volume_factor=1.5
    )
)
LOWS = [110.0, 108.0, 100.0, 105.0, 107.0, 104.0, 99.0, 103.0]
RSIS = [50.0, 40.0, 20.0, 30.0, 35.0, 28.0, 24.0, 33.0]
QUANTITIES = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 1.0]


def changed(values, changes):
    return [changes.get(index, value) for index, value in enumerate(values)]


@pytest.mark.parametrize(
    ("lows", "rsis", "quantities", "failed"),
    [
        ({}, {}, {}, []),
        ({}, {2: 27.0, 6: 30.0}, {}, ["earlier_rsi"]),
        ({}, {6: 21.0}, {}, ["rsi_difference"]),
        ({6: 100.0}, {}, {}, ["price_difference_pct"]),
        ({}, {}, {6: 1.5}, ["volume_ratio"]),
        ({7: 99.0}, {}, {}, ["pivot"]),
        ({3: 100.0}, {}, {}, ["earlier_pivot"]),
        ({}, {6: 21.0}, {6: 1.0}, ["rsi_difference", "volume_ratio"]),
    ],
)
def test_the_gate_that_failed_is_named(lows, rsis, quantities, failed):
    lows = changed(LOWS, lows)
    drawn = Series([low + 50 for low in lows], lows, changed(QUANTITIES, quantities), changed(RSIS, rsis))
    explanation = rsi_divergence.explain(BULLISH, drawn, 7)[0]
    assert [gate.name for gate in explanation.gates if gate.passed is False] == failed
    unasked = [gate for gate in explanation.gates if gate.passed is None]
    assert bool(unasked) == (failed in (["pivot"], ["earlier_pivot"]))
    assert explanation.is_near_miss == (len(failed) == 1 and not unasked)
    assert explanation.is_entry == (not failed)


def test_of_several_earlier_pivots_the_one_nearest_to_the_rule_is_shown():
    lows = [110.0, 109.0, 100.0, 105.0, 107.0, 100.5, 106.0, 107.0, 104.0, 99.0, 103.0]
    rsis = [50.0, 40.0, 24.5, 30.0, 35.0, 26.0, 30.0, 35.0, 28.0, 25.0, 33.0]
    drawn = Series([low + 50 for low in lows], lows, [1.0] * 11, rsis)
    rules = BULLISH._replace(bullish=BULLISH.bullish._replace(min_rsi_difference=0.9, max_distance=9))
    gates = {gate.name: gate for gate in rsi_divergence.explain(rules, drawn, 10)[0].gates}
    # The nearer one is not oversold and its RSI does not turn; the farther one lacks the turn only.
    assert (gates["min_distance"].value, gates["earlier_rsi"].value) == (7, 24.5)
    assert gates["earlier_pivot"].value == 2


def test_gates_behind_one_that_failed_first_have_no_verdict():
    first, other = Gate("a", 1.0, 2.0, False, ""), Gate("b", 1.0, 2.0, True, "")
    assert asked_in_turn(first, [other])[1] == Gate("b", None, 2.0, None, "")
    assert not Explanation(Side.LONG, asked_in_turn(first, [other])).is_near_miss
    assert asked_in_turn(first._replace(passed=True), [other])[1] == other


def test_where_nothing_was_traded_there_is_no_volume_to_tell():
    gate = volume_gate(Series([], [], [0.0] * 6, []), 5, 5, 3, 1.5)
    assert (gate.value, gate.passed) == (None, False)
