"""The live machine over a history: neither how it is fed nor what it waits for changes what it does."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli.parts.backtest_strategy import make_live
from shared.backtest.live_path import live_positions
from shared.backtest.numeric_strategy import numeric
from tests.backtest.rough_markets import EVERY_RULE, NAMES, rough, seeds, through_json
from tests.makers import MINUTE
from tests.strategies.markets import walk


@settings(max_examples=10, deadline=None)
@given(seed=seeds, name=st.sampled_from(NAMES), sizes=st.lists(st.integers(1, 300), min_size=1, max_size=4))
def test_the_sizes_of_the_slices_change_nothing(seed, name, sizes):
    candles, strategy = rough(seed, 700), numeric(name, EVERY_RULE)
    whole = live_positions(candles, lambda: make_live(strategy), lambda book: book, slices=[len(candles)])
    assert live_positions(candles, lambda: make_live(strategy), through_json, slices=sizes) == whole


@settings(max_examples=10, deadline=None)
@given(seed=seeds, name=st.sampled_from(NAMES), patience=st.integers(1, 9))
def test_waiting_for_a_hole_to_heal_changes_nothing_but_the_end(seed, name, patience):
    strategy = numeric(name, EVERY_RULE)
    candles = rough(seed, 700)
    last = candles[-1].open_time
    tail = [replace(candles[-1], open_time=last + n * MINUTE, complete=True) for n in range(1, patience + 8)]
    at_once = live_positions([*candles, *tail], lambda: make_live(strategy), through_json)
    assert (
        live_positions([*candles, *tail], lambda: make_live(strategy), through_json, hole_patience=patience) == at_once
    )


def test_looks_are_left_out_as_a_backtest_has_none():
    candles, strategy = walk(5, 700), numeric("rsi_threshold", EVERY_RULE)
    assert any(candle.looks for candle in candles)
    flat = [replace(candle, looks=()) for candle in candles]
    taken = live_positions(candles, lambda: make_live(strategy), through_json)
    assert taken.closed
    assert taken == live_positions(flat, lambda: make_live(strategy), through_json)
