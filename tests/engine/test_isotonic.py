"""Isotonic regression: examples by hand, and what must hold for any points."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.isotonic import Block, fit


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([1.0, 2.0, 3.0], [(0, 1.0, 1), (1, 2.0, 1), (2, 3.0, 1)]),
        ([3.0, 2.0, 1.0], [(0, 2.0, 3)]),
        ([1.0, 3.0, 2.0, 4.0], [(0, 1.0, 1), (1, 2.5, 2), (3, 4.0, 1)]),
        ([2.0, 2.0, 5.0], [(0, 2.0, 2), (2, 5.0, 1)]),
        ([4.0, 6.0, 2.0], [(0, 4.0, 3)]),
        ([], []),
    ],
)
def test_neighbours_in_the_wrong_order_become_one_at_their_mean(levels, expected):
    assert fit(Block(n, level, 1) for n, level in enumerate(levels)) == expected


def test_a_heavier_point_pulls_the_mean():
    assert fit([Block(0, 6.0, 1), Block(1, 3.0, 2)]) == [(0, 4.0, 3)]


points = st.lists(st.tuples(st.floats(-100, 100), st.integers(1, 50)), min_size=1, max_size=30).map(
    lambda rows: [Block(n, level, weight) for n, (level, weight) in enumerate(rows)]
)


@given(points)
def test_the_curve_rises_and_keeps_weight_and_mean(given_points):
    blocks = fit(given_points)
    assert all(left.level < right.level and left.start < right.start for left, right in pairwise(blocks))
    assert sum(block.weight for block in blocks) == sum(point.weight for point in given_points)
    mean = sum(block.weight * block.level for block in blocks)
    assert mean == pytest.approx(sum(point.weight * point.level for point in given_points), abs=1e-6)


@given(points)
def test_fitting_the_curve_again_changes_nothing(given_points):
    blocks = fit(given_points)
    assert fit(blocks) == blocks


@given(points)
def test_it_is_the_lowest_of_the_highest_means(given_points):
    """The min-max formula of isotonic regression, by brute force."""
    blocks = fit(given_points)

    def mean(first, last):
        part = given_points[first : last + 1]
        return sum(point.weight * point.level for point in part) / sum(point.weight for point in part)

    count = len(given_points)
    for place in range(count):
        level = [block.level for block in blocks if block.start <= place][-1]
        by_formula = max(min(mean(first, last) for last in range(place, count)) for first in range(place + 1))
        assert level == pytest.approx(by_formula, abs=1e-6)
