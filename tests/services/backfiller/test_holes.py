"""Which minutes are missing, and how few questions cover them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.backfiller.holes import missing, spans
from tests.makers import MINUTE, START, make_candle


def test_absent_and_incomplete_minutes_are_missing():
    stored = [make_candle(START), make_candle(START + MINUTE, complete=False), make_candle(START + 3 * MINUTE)]
    assert missing(stored, START, START + 5 * MINUTE) == [START + n * MINUTE for n in (1, 2, 4)]
    assert missing([], START, START) == []


@given(st.sets(st.integers(0, 3_000)))
def test_spans_hold_every_minute_and_stay_apart(minutes):
    found = spans(START + minute * MINUTE for minute in minutes)
    covered = {minute for start, end in found for minute in range((start - START) // MINUTE, (end - START) // MINUTE)}
    assert minutes <= covered
    assert all(later[0] - earlier[1] > 60 * MINUTE for earlier, later in pairwise(found))
    assert all((start - START) // MINUTE in minutes and (end - START) // MINUTE - 1 in minutes for start, end in found)
