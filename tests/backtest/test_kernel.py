"""The kernel: machine code has the bits of the source, indicators are live's and TA-Lib's, marks hide nothing."""

from math import nan

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backtest import kernel
from shared.backtest.candle_arrays import to_arrays
from shared.backtest.compiled import compiled
from shared.backtest.numeric_strategy import numeric
from shared.backtest.positions import stretches
from shared.domain.exit_rules import ExitRules
from shared.engine.exit_steps import OPEN, STOP_LOSS, TIME_STOP, opened
from shared.strategies.rsi_window import RsiWindow
from tests.backtest.rough_markets import EAGER, EVERY_RULE, NAMES, chosen, plain, rough, rule_sets, seeds
from tests.strategies.markets import recorded_btc, walk


def bits(array):
    return array.tobytes()


@settings(max_examples=20, deadline=None)
@given(seed=seeds, name=st.sampled_from(NAMES), values=rule_sets)
def test_indicators_and_marks_of_machine_code_have_the_bits_of_the_source(seed, name, values):
    candles, strategy = to_arrays(rough(seed, 600)), chosen(name, values)
    fast = list(stretches(candles, strategy))
    with plain():
        slow = list(stretches(candles, strategy))
    for ours, theirs in zip(fast, slow, strict=True):
        assert bits(ours.series.rsis) == bits(theirs.series.rsis)
        assert bits(ours.ranges) == bits(theirs.ranges)
        assert bits(ours.marks) == bits(theirs.marks)


@pytest.mark.parametrize("name", NAMES)
def test_a_walk_over_recorded_candles_has_the_bits_of_the_source(name):
    strategy = numeric(name, EVERY_RULE)
    (stretch,) = stretches(to_arrays(recorded_btc()[:6_000]), strategy)

    def walked():
        whole = {"opened_at", "closed_at", "direction", "code", "ambiguous"}
        columns = [np.zeros(kernel.CAPACITY, int if f in whole else float) for f in kernel.Records._fields]
        records = kernel.Records(*columns)._replace(ambiguous=np.zeros(kernel.CAPACITY, dtype=bool))
        book, count = compiled(kernel.walk, decide=strategy.decide)(strategy.rules, stretch, kernel.EMPTY, records)
        return book, count, [bits(column) for column in records]

    fast = walked()
    with plain():
        slow = walked()
    assert fast == slow
    assert fast[1] > 30


@settings(max_examples=15, deadline=None)
@given(seed=seeds, name=st.sampled_from(NAMES), values=rule_sets)
def test_marks_never_hide_what_decide_finds(seed, name, values):
    candles, strategy = to_arrays(rough(seed, 500)), chosen(name, values)
    decide = compiled(strategy.decide)
    for stretch in stretches(candles, strategy):
        for last in range(strategy.reach, len(stretch.closes)):
            if not stretch.marks[last]:
                assert decide(strategy.rules.strategy, stretch.series, last).direction == 0


@pytest.mark.parametrize("name", NAMES)
def test_marks_leave_most_candles_out_and_some_of_the_rest_are_entries(name):
    strategy = numeric(name, EAGER)
    (stretch,) = stretches(to_arrays(walk(1, 1_500, idle=0.0)), strategy)
    decide, series = compiled(strategy.decide), stretch.series
    found = [i for i in range(strategy.reach, 1_500) if decide(strategy.rules.strategy, series, i).direction]
    assert 5 < len(found) <= stretch.marks.sum() < 750
    assert stretch.marks[found].all()


def test_indicators_are_those_of_the_live_window_bit_for_bit():
    candles = walk(9, 700)
    strategy = numeric("rsi_threshold", EVERY_RULE | {"rsi_period": 9, "atr_period": 5})
    (stretch,) = stretches(to_arrays(candles), strategy)
    window = RsiWindow(9, 20, 5)
    live = []
    for candle in candles:
        window.take(candle)
        live.append((window.rsis[-1], window.atr))
    assert bits(stretch.series.rsis) == bits(np.array([rsi for rsi, _ in live]))
    assert bits(stretch.ranges) == bits(np.array([atr for _, atr in live]))


def test_rsi_and_atr_equal_ta_lib_after_the_warm_up():
    strategy = numeric("rsi_divergence", {"take_profit_atr": 2.0})
    (stretch,) = stretches(to_arrays(recorded_btc()), strategy)
    rsi = talib.RSI(stretch.closes, 14)
    atr = talib.ATR(stretch.series.highs, stretch.series.lows, stretch.closes, 14)
    warm = slice(strategy.rules.warm_up, None)
    assert np.abs(stretch.series.rsis - rsi)[warm].max() < 1e-9
    assert np.abs(stretch.ranges - atr)[warm].max() < 1e-9


RULES = ExitRules(targets=1, break_even_after=0, trailing_stop_pct=0.0, time_stop=3)


@pytest.mark.parametrize(
    ("bar", "code", "price"),
    [
        (kernel.Bar(101.0, 99.0, 100.0, traded=True), OPEN, 0.0),
        (kernel.Bar(101.0, 90.0, 100.0, traded=True), STOP_LOSS, 95.0),
        (kernel.Bar(101.0, 90.0, 100.0, traded=False), OPEN, 0.0),
    ],
    ids=["within", "touched", "nobody traded"],
)
def test_a_candle_touches_levels_only_where_somebody_traded(bar, code, price):
    led, event = kernel.lead(opened(1, 100.0, 110.0, 95.0), RULES, bar)
    assert (event.code, event.price) == (code, price)
    assert led.candles == (0 if code == STOP_LOSS else 1)


def test_a_position_ages_also_where_nobody_traded():
    led, event = opened(1, 100.0, 110.0, 95.0), kernel.NOTHING
    for _ in range(3):
        assert event.code == OPEN
        led, event = kernel.lead(led, RULES, kernel.Bar(nan, nan, 101.0, traded=False))
    assert (event.code, event.price) == (TIME_STOP, 101.0)
