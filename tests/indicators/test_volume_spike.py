import pytest

from shared.indicators.volume_spike import largest_spike


@pytest.mark.parametrize(
    ("quantities", "first", "last", "expected"),
    [
        ([1, 1, 1, 1.6], 3, 3, 3),
        ([1, 1, 1, 1.5], 3, 3, -1),  # equal to the factor is not larger
        ([1, 1, 1, 1.6, 3, 1], 3, 5, 4),  # the largest ratio counts
        ([1, 1, 1, 2, 1, 1], 4, 5, -1),  # a spike before the range does not
        ([0, 0, 0, 9], 3, 3, -1),  # nothing to compare with
        ([1, 9], 1, 1, -1),  # fewer candles than the mean needs
        ([4, 1, 1, 4, 1, 1, 4], 3, 6, 3),  # 2.0, then again 2.0: of equal ratios the earliest
    ],
)
def test_the_largest_spike_in_the_range(quantities, first, last, expected):
    assert largest_spike([float(value) for value in quantities], first, last, 3, 1.5) == expected


def test_the_candle_itself_is_not_in_its_mean():
    # With itself in the mean a single spike of any size could never exceed 3 means of 3.
    assert largest_spike([1.0, 1.0, 1.0, 1000.0], 3, 3, 3, 900.0) == 3
