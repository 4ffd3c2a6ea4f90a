from math import isnan

import numpy as np
import pytest
import talib

from shared.messages.codec import from_json, to_json
from shared.strategies.rsi_window import RECORDED, RsiWindow, warm_up_candles
from tests.makers import MINUTE, START, make_candle
from tests.strategies.markets import walk


def filled(candles, reach=30):
    window = RsiWindow(14, reach)
    for candle in candles:
        window.take(candle)
    return window


def test_it_keeps_the_newest_candles_and_counts_all():
    candles = walk(1, 300)
    window = filled(candles)
    assert window.seen == 300
    assert window.last == RECORDED - 1
    assert window.lows == [float(candle.low) for candle in candles[-RECORDED:]]
    expected = talib.RSI(np.array([float(candle.close) for candle in candles]), 14)[-RECORDED:]
    assert np.allclose(window.rsis, expected, rtol=0, atol=1e-9)


def test_a_longer_reach_is_kept_whole():
    assert filled(walk(1, 300), reach=200).last == 199


@pytest.mark.parametrize("cut", [0, 1, 5, 14, 15, 200])
def test_a_snapshot_goes_through_json_bit_for_bit(cut):
    candles = walk(2, 260)
    first = filled(candles[:cut])
    second = RsiWindow(14, 30)
    second.restore(from_json(to_json(first.snapshot()), dict))
    for candle in candles[cut:]:
        first.take(candle)
        second.take(candle)
    assert second.snapshot() == first.snapshot()


def test_a_snapshot_does_not_change_when_the_window_goes_on():
    window = filled(walk(3, 40))
    before = window.snapshot()
    kept = to_json(before)
    window.take(make_candle(START + 40 * MINUTE))
    assert to_json(before) == kept


def test_values_before_the_rsi_is_warm_are_not_numbers():
    window = filled(walk(4, 14))
    assert all(map(isnan, window.rsis))
    assert window.snapshot()["rsis"] == [None] * 14


def test_price_decimals_are_the_most_that_recent_prices_show():
    window = filled([make_candle(START, "100.250"), make_candle(START + MINUTE, "1E+2")])
    assert window.price_decimals == 2
    for n in range(2, RECORDED + 2):
        window.take(make_candle(START + n * MINUTE, "100.5"))
    assert window.price_decimals == 1


def test_the_record_ends_with_the_signal_candle():
    candles = walk(5, 300)
    record = filled(candles).record_candle(candles[-1])
    series = record["rsi_series"]
    assert len(series["values"]) == RECORDED
    assert series["first_open_time"] + (RECORDED - 1) * MINUTE == candles[-1].open_time
    assert series["values"][-1] == record["rsi"]
    assert record["candle"]["close"] == float(candles[-1].close)


def test_after_warm_up_the_start_of_history_does_not_show():
    closes = [float(candle.close) for candle in walk(6, 2000)]
    whole = talib.RSI(np.array(closes), 14)[-1]
    warmed = talib.RSI(np.array(closes[-warm_up_candles(14, 30) :]), 14)[-1]
    assert abs(whole - warmed) < 1e-3
    assert warm_up_candles(14, 30) >= 250
    assert warm_up_candles(14, 700) == 700
