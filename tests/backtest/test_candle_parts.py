"""Parts of candle arrays, and several in one."""

import numpy as np

from shared.backtest.candle_parts import in_order, joined, part
from tests.backtest.markets import arrays
from tests.makers import MINUTE, START


def test_a_part_has_all_columns_of_the_chosen_candles():
    chosen = part(arrays([1, 2, 3]), np.array([True, False, True]))
    assert chosen.closes.tolist() == [1, 3]
    assert chosen.open_times.tolist() == [START, START + 2 * MINUTE]
    assert len(part(arrays([1, 2, 3]), slice(2))) == 2


def test_files_are_one_stream_whatever_their_order():
    early, late = arrays([1, 2, 3]), arrays([9, 4, 5], start=START + 2 * MINUTE)
    whole, repeated = in_order([late, early])
    assert whole.closes.tolist() == [1, 2, 3, 4, 5]
    assert repeated == 1
    assert joined([early]) is early
