from math import isnan

import numpy as np
import talib
from hypothesis import given
from hypothesis import strategies as st

from shared.indicators.sma import sma


@given(st.lists(st.floats(0, 1e9), min_size=25, max_size=60))
def test_it_equals_talib(values):
    theirs = talib.SMA(np.array(values), 20)
    for end in range(20, len(values) + 1):
        assert abs(sma(values, end, 20) - theirs[end - 1]) <= 1e-9 * (1.0 + max(values))


def test_the_value_at_the_end_is_not_part_of_it():
    assert sma([1.0, 2.0, 3.0, 1e9], 3, 3) == 2.0


def test_too_few_values_have_no_mean():
    assert isnan(sma([1.0, 2.0], 2, 3))
