from math import nan

import numpy as np
import pytest
import talib

from shared.domain.signal import Side
from shared.errors import ConfigurationError
from shared.messages.codec import from_json, to_json
from shared.strategies.rsi_threshold import create, crossing
from tests.strategies.markets import walk


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (30.0, 24.0, 1),
        (25.1, 25.0, 1),
        (25.0, 20.0, 0),  # was already in the zone
        (24.0, 30.0, 0),  # leaving says nothing
        (70.0, 76.0, -1),
        (74.9, 75.0, -1),
        (75.0, 80.0, 0),
        (nan, 20.0, 0),
        (nan, 80.0, 0),
    ],
)
def test_only_the_step_into_a_zone_counts(before, now, expected):
    assert crossing(before, now, 25.0, 75.0) == expected


def entries_of(candles, parameters):
    strategy = create(parameters)
    return {candle.open_time: entry for candle in candles if (entry := strategy.on_candle(candle))}


def expected_sides(candles, *, oversold, overbought, factor, warm_up):
    """The definition, word by word, over whole arrays."""
    rsi = talib.RSI(np.array([float(candle.close) for candle in candles]), 14)
    quantity = [float(candle.quantity) for candle in candles]
    sides = {}
    for n in range(warm_up - 1, len(candles)):
        mean = sum(quantity[n - 20 : n]) / 20
        if mean == 0 or quantity[n] <= factor * mean:
            continue
        if rsi[n - 1] > oversold >= rsi[n]:
            sides[candles[n].open_time] = Side.LONG
        elif rsi[n - 1] < overbought <= rsi[n]:
            sides[candles[n].open_time] = Side.SHORT
    return sides


@pytest.mark.parametrize("seed", range(3))
def test_it_says_what_its_definition_says(seed):
    candles = walk(seed, 2500)
    found = entries_of(candles, {"oversold": 35, "overbought": 65})
    expected = expected_sides(candles, oversold=35, overbought=65, factor=1.5, warm_up=create({}).warm_up)
    assert {time: entry.side for time, entry in found.items()} == expected
    assert len(set(expected.values())) == 2


def test_the_decision_holds_every_number():
    candles = walk(1, 2500)
    by_time = {candle.open_time: candle for candle in candles}
    for open_time, entry in entries_of(candles, {"oversold": 35, "overbought": 65}).items():
        decision, candle = entry.decision, by_time[open_time]
        assert entry.price == float(candle.close)
        assert decision["pivots"] == []
        assert decision["rule"] == ("oversold" if entry.side is Side.LONG else "overbought")
        assert decision["spike"]["open_time"] == open_time
        assert decision["spike"]["ratio"] == decision["spike"]["quantity"] / decision["spike"]["mean"] > 1.5
        assert decision["rule"] in decision["why"]
        assert all(gate["passed"] for gate in decision["gates"])
        assert from_json(to_json(decision), dict) == decision


def test_nothing_is_said_before_warm_up():
    candles = walk(1, 2500)
    warm_up = create({}).warm_up
    found = entries_of(candles, {"oversold": 49, "overbought": 51, "volume_factor": 0})
    assert min(found) >= candles[warm_up - 1].open_time
    assert entries_of(candles[: warm_up - 1], {"oversold": 49, "overbought": 51, "volume_factor": 0}) == {}


def test_a_wrong_parameter_is_named():
    with pytest.raises(ConfigurationError, match=r"overbought = 20\.0: give 25 to 100"):
        create({"overbought": 20})
