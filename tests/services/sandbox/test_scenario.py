import itertools

import pytest

from services.sandbox.listings import listing
from services.sandbox.market import MINUTE
from services.sandbox.scenario import Story, generator
from tests.makers import START

FIRST = START // MINUTE


def plans(seed=7, rank=0, minutes=range(-300, 600)):
    story = Story(seed, listing("SOLUSDT"), rank, START, 300)
    return [story.plan(FIRST + minute) for minute in minutes]


def test_minutes_join_without_a_jump():
    assert all(before.end == after.begin for before, after in itertools.pairwise(plans()))


def test_a_minute_does_not_depend_on_which_was_asked_for_first():
    far_first = Story(7, listing("SOLUSDT"), 0, START, 300)
    far_first.plan(FIRST + 599)
    assert [far_first.plan(FIRST + minute) for minute in range(-300, 600)] == plans()


def test_the_price_stays_near_its_usual_level_for_days():
    story = Story(3, listing("SOLUSDT"), 0, START, 300)
    ends = [story.plan(FIRST + minute).end for minute in range(0, 10_000, 50)]
    assert max(ends) - min(ends) < 0.5


@pytest.mark.parametrize("rank", [0, 4, 8])
def test_the_second_extreme_of_the_first_act_is_made_on_time(rank):
    wicks = [minute for minute, plan in zip(range(-300, 600), plans(rank=rank), strict=True) if plan.wick]
    assert 6 + 7 * rank - 2 in wicks


def test_generators_belong_to_their_key():
    draw = [generator(*key).integers(2**60) for key in ((1, "a"), (1, "a"), (2, "a"), (1, "b"), (-1, "a"))]
    assert draw[0] == draw[1]
    assert len(set(draw)) == 4
