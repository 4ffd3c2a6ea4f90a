"""The backtest against the live machine: the same positions, to the last bit."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli.parts.backtest_strategy import make_live
from shared.adapters.candle_files.csv import read
from shared.adapters.wire.candle_rows import CandleReport
from shared.backtest import kernel
from shared.backtest.candle_arrays import to_arrays
from shared.backtest.live_path import live_positions
from shared.backtest.numeric_strategy import numeric
from shared.backtest.positions import Opening, closed_positions, positions
from shared.domain.instrument import Instrument
from shared.domain.signal import ExitReason, Side
from shared.domain.timeframe import Timeframe
from tests.backtest.rough_markets import (
    EAGER,
    EVERY_RULE,
    LEAST_TO_WARM,
    NAMES,
    chosen,
    plain,
    rough,
    rule_sets,
    seeds,
    through_json,
)
from tests.makers import MINUTE, recorded
from tests.strategies.markets import recorded_btc, walk


def both(candles, strategy):
    return positions(to_arrays(candles), strategy), live_positions(candles, lambda: make_live(strategy), through_json)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, name=st.sampled_from(NAMES), values=rule_sets)
def test_backtest_and_live_take_the_same_positions_whatever_the_market_and_the_rules(seed, name, values):
    backtest, live = both(rough(seed), chosen(name, values))
    assert backtest == live


@pytest.mark.parametrize("values", [{}, EAGER, EVERY_RULE], ids=["defaults", "eager", "every rule"])
@pytest.mark.parametrize("name", NAMES)
def test_backtest_and_live_take_the_same_positions_on_recorded_candles(name, values):
    path = recorded("candles", "bybit_GRTUSDT_1_2025-11-01_2025-11-12.csv.gz")
    instrument = Instrument("bybit-linear", "GRTUSDT")
    rows = read(path, instrument=instrument, timeframe=Timeframe.M1, columns=None, report=CandleReport())
    backtest, live = both(list(rows), numeric(name, values))
    assert backtest == live
    assert len(backtest.closed) > 50


@settings(max_examples=30, deadline=None)
@given(seed=seeds, name=st.sampled_from(NAMES), values=rule_sets)
def test_machine_code_takes_the_same_positions_as_the_source(seed, name, values):
    candles, strategy = to_arrays(rough(seed)), chosen(name, values)
    fast = positions(candles, strategy)
    with plain():
        assert fast == positions(candles, strategy)


def test_machine_code_takes_the_same_positions_on_recorded_candles():
    candles, strategy = to_arrays(recorded_btc()[:12_000]), numeric("rsi_divergence", EVERY_RULE)
    fast = positions(candles, strategy)
    assert len(fast.closed) > 50
    with plain():
        assert fast == positions(candles, strategy)


def test_the_recorded_month_has_the_positions_that_the_services_take_in_a_replay():
    taken = positions(to_arrays(recorded_btc()), numeric("rsi_divergence", {}))
    assert len(taken.closed) == 80
    assert taken.open is not None


def test_these_markets_and_rules_reach_every_exit_on_both_sides():
    """Else the comparisons above would compare little."""
    taken = [
        position
        for seed in range(4)
        for name in NAMES
        for values in (EAGER, EVERY_RULE, EVERY_RULE | {"trailing_stop_pct": 0.0, "break_even_after": 1})
        for position in closed_positions(to_arrays(rough(seed)), numeric(name, values))
    ]
    assert {position.reason for position in taken} == set(ExitReason)
    assert {position.side for position in taken} == set(Side)
    assert any(position.ambiguous for position in taken)


def test_nothing_is_taken_before_the_strategy_is_warm():
    candles, strategy = to_arrays(walk(3, LEAST_TO_WARM - 1)), numeric("rsi_threshold", EAGER | {"rsi_period": 2})
    assert positions(candles, strategy) == ([], None)


def test_a_hole_lets_the_strategy_begin_anew_and_leaves_the_open_position_be():
    strategy = numeric("rsi_threshold", EAGER | {"time_stop": 5, "take_profit_pct": 90, "stop_loss_pct": 90})
    candles = walk(5, 600)
    first = closed_positions(to_arrays(candles), strategy)[0]
    cut = first.opened_at + 3
    gone = candles[:cut] + candles[cut + 10 :]
    after = positions(to_arrays(gone), strategy).closed
    assert (after[0].opened_at, after[0].closed_at - after[0].opened_at) == (first.opened_at, 5)
    assert after[0].exit_time == first.exit_time + 10 * MINUTE
    assert all(position.opened_at >= cut + LEAST_TO_WARM for position in after[1:])


def test_an_incomplete_candle_ends_a_position_and_opens_none():
    strategy = numeric("rsi_threshold", EAGER)
    candles = walk(5, 600)
    first = closed_positions(to_arrays(candles), strategy)[0]
    candles[first.closed_at] = replace(candles[first.closed_at], complete=False)
    again = positions(to_arrays(candles), strategy).closed
    assert again[0] == first
    assert all(position.opened_at > first.closed_at + LEAST_TO_WARM for position in again[1:])


def test_a_position_that_is_open_at_the_end_is_told_as_such():
    candles, strategy = walk(5, 600), numeric("rsi_threshold", EAGER)
    first = closed_positions(to_arrays(candles), strategy)[0]
    taken = positions(to_arrays(candles[: first.closed_at]), strategy)
    shown = {name: getattr(first, name) for name in Opening.__dataclass_fields__}
    assert taken == ([], Opening(**shown))


def test_more_positions_than_one_call_can_record_are_all_told(monkeypatch):
    candles, strategy = to_arrays(walk(7, 900)), numeric("rsi_threshold", EAGER)
    whole = positions(candles, strategy)
    assert len(whole.closed) > 6
    monkeypatch.setattr(kernel, "CAPACITY", 2)
    with plain():
        assert positions(candles, strategy) == whole
