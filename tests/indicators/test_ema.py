from math import isnan
from random import Random

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from shared.indicators import ema


def all_values(values, period):
    state, found = ema.START, []
    for value in values:
        state, mean = ema.step(state, value, period)
        found.append(mean)
    return found


@given(seed=st.integers(0, 2**32), period=st.integers(2, 50), price=st.sampled_from([0.000012, 0.31, 97_000.0]))
def test_it_equals_talib_on_random_walks(seed, period, price):
    random = Random(seed)  # noqa: S311 - a market, no secret
    closes = [price * (1 + random.gauss(0, 0.01)) for _ in range(200)]
    ours = np.array(all_values(closes, period))
    theirs = talib.EMA(np.array(closes), period)
    assert np.isnan(ours).tolist() == np.isnan(theirs).tolist()
    assert np.nanmax(np.abs(ours / theirs - 1)) < 1e-12


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 2.0, 3.0], [2.0]), ([1.0, 2.0, 3.0, 6.0], [2.0, 4.0]), ([5.0] * 4, [5.0, 5.0])],
)
def test_it_starts_with_the_plain_mean_and_then_moves_by_two_parts_in_period_plus_one(values, expected):
    found = all_values(values, 3)
    assert [isnan(value) for value in found[:2]] == [True, True]
    assert found[2:] == expected


def test_of_one_value_it_is_the_value():
    assert all_values([3.0, 7.0], 1) == [3.0, 7.0]
