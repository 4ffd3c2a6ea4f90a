"""ATR against TA-Lib, and by hand."""

import math

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from shared.indicators import atr


def run(highs, lows, closes, period):
    state, values = atr.START, []
    for high, low, close in zip(highs, lows, closes, strict=True):
        state, value = atr.step(state, high, low, close, period)
        values.append(value)
    return values


def test_three_candles_by_hand():
    values = run([10, 12, 13, 11], [9, 10, 11, 8], [9.5, 11, 12, 9], 2)
    assert math.isnan(values[0])
    assert math.isnan(values[1])
    assert values[2:] == [pytest.approx((2.5 + 2) / 2), pytest.approx(((2.5 + 2) / 2 + 4) / 2)]


@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_it_equals_ta_lib(seed, period):
    random = np.random.default_rng(seed)
    closes = 100 + np.cumsum(random.normal(size=200))
    highs, lows = closes + random.exponential(size=200), closes - random.exponential(size=200)
    ours = np.array(run(highs, lows, closes, period))
    theirs = talib.ATR(highs, lows, closes, period)
    assert np.isnan(ours).sum() == period
    np.testing.assert_allclose(ours[period:], theirs[period:], rtol=1e-10)
