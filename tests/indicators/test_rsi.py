import csv
import gzip
from math import isnan
from random import Random

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from shared.indicators import rsi
from tests.makers import recorded


def all_values(closes, period):
    state, values = rsi.START, []
    for close in closes:
        state, value = rsi.step(state, close, period)
        values.append(value)
    return values


def assert_equals_talib(closes, period):
    ours = np.array(all_values(closes, period))
    theirs = talib.RSI(np.array(closes), period)
    assert np.isnan(ours).tolist() == np.isnan(theirs).tolist()
    assert np.nanmax(np.abs(ours - theirs)) < 1e-9


@pytest.mark.parametrize("period", [2, 7, 14, 21])
def test_it_equals_talib_on_recorded_closes(period):
    path = recorded("candles", "binance_spot_BTCUSDT_1m_2025-03-01_2025-04-01.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        assert_equals_talib([float(row["close"]) for row in csv.DictReader(file)][:20_000], period)


@given(seed=st.integers(0, 2**32), period=st.integers(2, 50), price=st.sampled_from([0.000012, 0.31, 97_000.0]))
def test_it_equals_talib_on_random_walks(seed, period, price):
    random = Random(seed)  # noqa: S311 - a market, no secret
    closes = [price]
    for _ in range(300):
        closes.append(closes[-1] * (1 + random.gauss(0, 0.004)))
    assert_equals_talib(closes, period)


def test_the_first_value_comes_after_period_changes():
    values = all_values([float(n) for n in range(20)], 14)
    assert all(map(isnan, values[:14]))
    assert values[14:] == [100.0] * 6


def test_a_market_that_only_falls_has_0():
    assert all_values([float(100 - n) for n in range(16)], 14)[-1] == 0.0


def test_a_market_that_never_moved_is_neither_oversold_nor_overbought():
    assert all_values([5.0] * 40, 14)[-1] == 50.0


def test_a_pause_keeps_the_value():
    closes = [100.0, 101.0, 100.5, 102.0, 101.0, 103.0]
    moving = all_values(closes, 4)[-1]
    assert all_values([*closes, *[103.0] * 30], 4)[-1] == pytest.approx(moving, abs=1e-12)


def test_a_running_state_goes_on_bit_for_bit():
    random = Random(7)  # noqa: S311 - a market, no secret
    closes = [random.uniform(90, 110) for _ in range(100)]
    state = rsi.START
    for close in closes[:50]:
        state, _ = rsi.step(state, close, 14)
    tail = []
    for close in closes[50:]:
        state, value = rsi.step(rsi.RsiState(*state), close, 14)
        tail.append(value)
    assert tail == all_values(closes, 14)[50:]
