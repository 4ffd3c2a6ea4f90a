from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
import talib

from shared.domain.signal import Side
from shared.errors import ConfigurationError
from shared.messages.codec import from_json, to_json
from shared.strategies.rsi_divergence import Parameters, Rule, create, earlier_pivot
from tests.makers import MINUTE, make_candle
from tests.strategies.markets import recorded_btc, walk

BULLISH = Rule(1, 25.0, left=2, right=1, min_distance=3, max_distance=6, min_rsi_difference=1.0,
               min_price_difference_pct=0.0)  # fmt: skip
LOWS = [110.0, 108.0, 100.0, 105.0, 107.0, 104.0, 99.0, 103.0]
RSIS = [50.0, 40.0, 20.0, 30.0, 35.0, 28.0, 24.0, 33.0]


def changed(values, changes):
    return [changes.get(index, value) for index, value in enumerate(values)]


@pytest.mark.parametrize(
    ("rule", "lows", "rsis", "expected"),
    [
        ({}, {}, {}, 2),
        ({}, {6: 100.0}, {}, -1),  # the later low is not lower
        ({}, {}, {6: 21.0}, -1),  # the RSI turned by exactly the minimum
        ({}, {}, {6: 21.5}, 2),
        ({}, {}, {2: 25.0, 6: 27.0}, 2),  # oversold at the limit
        ({}, {}, {2: 25.5, 6: 27.0}, -1),  # not oversold
        ({}, {3: 100.0}, {}, -1),  # a tie beside the earlier low: no pivot
        ({}, {7: 99.0}, {}, -1),  # a tie beside the later low: no pivot
        ({"min_distance": 4}, {}, {}, 2),
        ({"min_distance": 5}, {}, {}, -1),
        ({"max_distance": 3}, {}, {}, -1),
        ({"min_price_difference_pct": 1.0}, {}, {}, 2),
        ({"min_price_difference_pct": 1.1}, {}, {}, -1),
        ({}, {}, {2: float("nan")}, -1),
    ],
)
def test_each_condition_of_the_divergence(rule, lows, rsis, expected):
    lows, rsis, rule = changed(LOWS, lows), changed(RSIS, rsis), BULLISH._replace(**rule)
    assert earlier_pivot(rule, lows, rsis, 6) == expected
    mirrored = rule._replace(direction=-1, threshold=75.0, min_price_difference_pct=0.0)
    if rule.min_price_difference_pct == 0.0:  # a percentage of another price is another percentage
        highs, strengths = [200.0 - low for low in lows], [100.0 - value for value in rsis]
        assert earlier_pivot(mirrored, highs, strengths, 6) == expected


def test_the_nearest_pivot_that_fulfils_the_rule_is_taken():
    lows = [110.0, 109.0, 100.0, 105.0, 107.0, 100.5, 106.0, 107.0, 104.0, 99.0, 103.0]
    rsis = [50.0, 40.0, 20.0, 30.0, 35.0, 22.0, 30.0, 35.0, 28.0, 24.0, 33.0]
    wide = BULLISH._replace(max_distance=9)
    assert earlier_pivot(wide, lows, rsis, 9) == 5
    assert earlier_pivot(wide, lows, changed(rsis, {5: 26.0}), 9) == 2


def reference(candles, p, warm_up):
    """The definition of docs/signals.md, word by word, over the whole history at every candle."""
    highs, lows, quantities, closes = (
        np.array([float(getattr(candle, name)) for candle in candles]) for name in ("high", "low", "quantity", "close")
    )
    rsi = talib.RSI(closes, p.rsi_period)

    def pivots(values):
        width = range(p.pivot_left, len(values) - p.pivot_right)
        arounds = ((i, np.delete(values[i - p.pivot_left : i + p.pivot_right + 1], p.pivot_left)) for i in width)
        return [i for i, around in arounds if (around > values[i]).all()]

    found = {}
    for side, values, strength, limit in (
        (Side.LONG, lows, rsi, p.oversold),
        (Side.SHORT, -highs, -rsi, -p.overbought),
    ):
        turns = pivots(values)
        for later in turns:
            signal = later + p.pivot_right
            if signal < warm_up - 1:
                continue
            earlier = [
                i for i in turns
                if p.min_distance <= later - i <= p.max_distance and strength[i] <= limit and values[later] < values[i]
                and strength[later] > strength[i] + p.min_rsi_difference
            ]  # fmt: skip
            means = {i: quantities[i - p.volume_period : i].mean() for i in range(later, signal + 1)}
            spikes = [i for i, mean in means.items() if quantities[i] > p.volume_factor * mean > 0]
            if earlier and spikes:
                assert candles[signal].open_time not in found, "both directions at once: choose another market"
                found[candles[signal].open_time] = (side, candles[earlier[-1]].open_time, candles[later].open_time)
    return found


@cache
def btc():
    return recorded_btc()


@pytest.mark.parametrize("right", [1, 2, 5])
def test_on_recorded_candles_it_says_what_its_definition_says(right):
    candles = btc()[:15_000]
    strategy = create({"pivot_right": right})
    found = {}
    for candle in candles:
        if entry := strategy.on_candle(candle):
            first, second = entry.decision["pivots"]
            found[candle.open_time] = (entry.side, first["open_time"], second["open_time"])
    assert found == reference(candles, Parameters(pivot_right=right), strategy.warm_up)
    assert {side for side, _, _ in found.values()} == {Side.LONG, Side.SHORT}


def entries(candles, **parameters):
    strategy = create(parameters)
    return [(candle, entry) for candle in candles if (entry := strategy.on_candle(candle))]


def test_the_decision_holds_every_number():
    candles = btc()[:15_000]
    by_time = {candle.open_time: candle for candle in candles}
    for candle, entry in entries(candles):
        decision, long = entry.decision, entry.side is Side.LONG
        first, second = decision["pivots"]
        side = "low" if long else "high"
        assert [first["price"], second["price"]] == [
            float(getattr(by_time[pivot["open_time"]], side)) for pivot in (first, second)
        ]
        assert candle.open_time - second["open_time"] == 2 * MINUTE
        assert second["open_time"] <= decision["spike"]["open_time"] <= candle.open_time
        assert decision["spike"]["quantity"] == float(by_time[decision["spike"]["open_time"]].quantity)
        start, values = decision["rsi_series"]["first_open_time"], decision["rsi_series"]["values"]
        assert values[(second["open_time"] - start) // MINUTE] == second["rsi"]
        assert values[-1] == decision["rsi"]
        assert decision["price_decimals"] == 2
        assert decision["rule"] == ("regular_bullish" if long else "regular_bearish")
        assert decision["why"].startswith("Bullish" if long else "Bearish")
        assert decision["parameters"]["pivot_right"] == 2
        assert all(gate["passed"] for gate in decision["gates"])
        assert from_json(to_json(decision), dict) == decision


def test_levels_stand_around_the_close_of_the_signal_candle():
    candle, entry = entries(btc()[:15_000])[0]
    assert entry.price == float(candle.close)
    direction = 1 if entry.side is Side.LONG else -1
    assert entry.take_profit == pytest.approx(entry.price * (1 + direction * 0.015))
    assert entry.stop_loss == pytest.approx(entry.price * (1 - direction * 0.007))


def test_what_comes_later_changes_nothing():
    candles = btc()[:4_000]
    whole = entries(candles)
    for candle, entry in whole:
        cut = candles.index(candle) + 1
        broken = [
            replace(later, high=later.high * 3, low=later.low / 3, quantity=Decimal(0)) for later in candles[cut:]
        ]
        assert (candle, entry) in entries(candles[:cut] + broken)


@pytest.mark.parametrize(
    ("low", "high", "sides"), [(97, 101, [Side.LONG]), (99, 103, [Side.SHORT]), (97, 103, []), (99, 101, [])]
)
def test_one_candle_that_is_low_and_high_of_a_divergence_says_nothing(low, high, sides):
    calm = walk(3, 300, deviation=0.0001)
    start = calm[-1].open_time + MINUTE
    shapes = [  # low, high, close: a dip, a rise, and one candle that goes beyond one of them or both
        ("98", "100", "98.5"), ("98.6", "100.2", "100"), ("99.9", "102", "101.5"), ("99.8", "101.6", "100"),
        (str(low), str(high), "100"), ("99.7", "100.1", "100"),
    ]  # fmt: skip
    storm = [
        make_candle(start + n * MINUTE, close, low=lowest, high=highest, quantity="9")
        for n, (lowest, highest, close) in enumerate(shapes)
    ]
    loose = {"oversold": 50, "overbought": 50, "min_distance": 1, "max_distance": 4, "pivot_left": 1, "pivot_right": 1}
    found = [entry.side for candle, entry in entries(calm + storm, **loose) if candle == storm[-1]]
    assert found == sides


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"max_distance": 4}, "max_distance = 4: give 5 to 1000"),
        ({"pivot_right": 0}, "pivot_right = 0: give 1 to 1000"),
        ({"stop_loss_pct": 0}, "stop_loss_pct = 0.0: give 0.01 to 99"),
        ({"oversold": 80}, "overbought = 75.0: give 80 to 100"),
        ({"rsi_perod": 7}, "unknown parameter 'rsi_perod'"),
    ],
)
def test_a_wrong_parameter_is_named(parameters, words):
    with pytest.raises(ConfigurationError) as caught:
        create(parameters)
    assert words in str(caught.value)
