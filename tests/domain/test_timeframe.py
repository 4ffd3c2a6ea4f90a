"""Timeframes: lengths, floors, and the texts that are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput
from tests.makers import START

times = st.integers(min_value=0, max_value=4_102_444_800_000)  # until the year 2100


@pytest.mark.parametrize(
    ("text", "minutes"), [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60), ("4h", 240), ("1d", 1440)]
)
def test_a_timeframe_is_as_long_as_its_name_says(text, minutes):
    assert Timeframe.parse(text).millis == minutes * 60_000


def test_every_timeframe_has_a_length_and_they_ascend():
    lengths = [timeframe.millis for timeframe in Timeframe]
    assert lengths == sorted(set(lengths))


@pytest.mark.parametrize("text", ["7m", "", "1M", "60", " 1m", "1 m"])
def test_an_unknown_timeframe_is_refused_with_the_known_ones(text):
    with pytest.raises(InvalidInput) as refusal:
        Timeframe.parse(text)
    assert str(refusal.value) == f"unknown timeframe {text!r}; known: 1m, 5m, 15m, 30m, 1h, 4h, 1d"


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, 0), (1, 0), (59_999, 0), (60_000, 60_000), (60_001, 60_000), (-1, -60_000)],
)
def test_the_first_millisecond_of_a_minute_belongs_to_it_and_the_last_one_too(offset, expected):
    assert Timeframe.M1.floor(START + offset) == START + expected


def test_a_day_begins_at_midnight_utc():
    assert Timeframe.D1.floor(START + 86_399_999) == START


@given(time=times, timeframe=st.sampled_from(Timeframe))
def test_a_time_lies_in_the_candle_of_its_floor(time, timeframe):
    floor = timeframe.floor(time)
    assert floor <= time < floor + timeframe.millis
    assert timeframe.floor(floor) == floor


@given(time=times, smaller=st.sampled_from(Timeframe), larger=st.sampled_from(Timeframe))
def test_small_candles_never_straddle_a_larger_one(time, smaller, larger):
    if smaller.millis <= larger.millis:
        assert larger.floor(smaller.floor(time)) == larger.floor(time)
