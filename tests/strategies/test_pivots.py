import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.strategies.pivots import is_pivot


@pytest.mark.parametrize(
    ("values", "index", "expected"),
    [
        ([3, 2, 1, 2, 3], 2, True),
        ([3, 1, 1, 2, 3], 2, False),  # tie on the left
        ([3, 2, 1, 1, 3], 2, False),  # tie on the right
        ([1, 1, 1, 1, 1], 2, False),  # flat: nothing turned
        ([3, 2, 1, 2, 0], 2, False),  # a lower one within reach
        ([2, 1, 2, 3], 1, False),  # the left neighbourhood is not known
        ([3, 2, 1, 2], 2, False),  # the right one not yet
        ([0, 9, 8, 1, 8, 9, 0], 3, True),  # lower ones out of reach
    ],
)
def test_a_pivot_low_is_strictly_lowest_of_two_on_each_side(values, index, expected):
    assert is_pivot(values, index, 2, 2, 1) is expected
    assert is_pivot([-value for value in values], index, 2, 2, -1) is expected


@given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, -1]))
def test_it_is_the_only_extreme_of_its_neighbourhood(values, left, right, direction):
    extreme = min if direction > 0 else max
    for index in range(len(values)):
        around = values[index - left : index + right + 1]
        whole = index >= left and index + right < len(values)
        expected = whole and around.count(values[index]) == 1 and extreme(around) == values[index]
        assert is_pivot(values, index, left, right, direction) is expected
