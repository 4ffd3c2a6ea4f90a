from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.token_bucket import TokenBucket
from shared.errors import InvariantViolation


@given(
    capacity=st.integers(1, 20),
    spacing=st.integers(0, 2_000),
    asks=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 10)), max_size=120),
)
def test_no_period_sees_more_than_the_capacity_and_no_two_come_nearer_than_the_spacing(capacity, spacing, asks):
    bucket, now, taken = TokenBucket(capacity, 60_000, spacing), 0, []
    for pause, reserve in asks:
        now += pause
        if not bucket.wait(now, reserve):
            bucket.take(now)
            taken.append(now)
    for time in taken:
        assert len([other for other in taken if time <= other < time + 60_000]) <= capacity
    assert all(later - earlier >= spacing for earlier, later in pairwise(taken))


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=60), st.integers(0, 17))
def test_after_the_wait_that_was_named_a_token_is_free_and_not_before(pauses, reserve):
    bucket, now = TokenBucket(18, 60_000, 1_000), 0
    for pause in pauses:
        now += pause
        wait = bucket.wait(now, reserve)
        if wait:
            assert bucket.wait(now + wait - 1, reserve) == 1
            now += wait
        assert bucket.wait(now, reserve) == 0
        bucket.take(now)


def test_what_is_reserved_stays_free_for_the_urgent():
    bucket = TokenBucket(4, 60_000, 0)
    bucket.take(0)
    bucket.take(10)
    assert bucket.wait(20, reserve=2) == 59_980
    assert bucket.wait(20, reserve=0) == 0


def test_taking_without_a_free_token_is_a_bug():
    bucket = TokenBucket(1, 60_000, 0)
    bucket.take(0)
    with pytest.raises(InvariantViolation):
        bucket.take(59_999)
    bucket.take(60_000)


def test_no_capacity_means_no_limit_and_no_spacing():
    bucket = TokenBucket(0)
    for _ in range(1_000):
        assert bucket.wait(0) == 0
        bucket.take(0)
