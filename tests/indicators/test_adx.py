from math import isnan
from random import Random

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from shared.indicators import adx
from shared.indicators.adx import Directional


def all_values(candles, period):
    state, found = adx.START, []
    for high, low, close in candles:
        state, value = adx.step(state, high, low, close, period)
        found.append(value)
    return found


def walk(seed, price, count=300):
    random = Random(seed)  # noqa: S311 - a market, no secret
    candles, close = [], price
    for _ in range(count):
        opened, close = close, close * (1 + random.gauss(0, 0.01))
        high = max(opened, close) * (1 + abs(random.gauss(0, 0.003)))
        low = min(opened, close) * (1 - abs(random.gauss(0, 0.003)))
        candles.append((high, low, close))
    return candles


@pytest.mark.parametrize("field", [0, 1, 2], ids=Directional._fields)
@given(seed=st.integers(0, 2**32), period=st.integers(2, 40), price=st.sampled_from([0.31, 97_000.0]))
def test_it_equals_talib_on_random_walks(field, seed, period, price):
    candles = walk(seed, price)
    ours = np.array([value[field] for value in all_values(candles, period)])
    columns = [np.array(column) for column in zip(*candles, strict=True)]
    theirs = (talib.PLUS_DI, talib.MINUS_DI, talib.ADX)[field](*columns, period)
    assert np.isnan(ours).tolist() == np.isnan(theirs).tolist()
    assert np.nanmax(np.abs(ours - theirs)) < 1e-9


def test_a_market_that_only_rises_has_all_its_movement_upward():
    last = all_values([(100.0 + n, 99.0 + n, 99.5 + n) for n in range(30)], 7)[-1]
    assert last.plus > 50
    assert last.minus == 0.0
    assert last.adx == pytest.approx(100.0)


def test_a_market_that_stands_still_has_no_movement():
    values = all_values([(5.0, 5.0, 5.0)] * 20, 7)
    assert values[-1] == Directional(0.0, 0.0, 0.0)
    assert [isnan(value.adx) for value in values] == [True] * 13 + [False] * 7
