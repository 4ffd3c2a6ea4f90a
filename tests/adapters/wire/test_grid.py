"""A candle stands on the grid of its timeframe, or is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.wire.grid import check_on_grid
from shared.domain.timeframe import Timeframe
from shared.errors import InvariantViolation
from tests.makers import MINUTE, START, make_candle

TIMEFRAMES = st.sampled_from(Timeframe)
PLACES = st.integers(0, 10**6)


@given(TIMEFRAMES, st.lists(PLACES))
def test_every_multiple_of_the_timeframe_is_on_its_grid(timeframe, places):
    check_on_grid(make_candle(place * timeframe.millis, timeframe=timeframe) for place in places)


@given(TIMEFRAMES, PLACES, st.data())
def test_anything_between_two_candles_is_not(timeframe, place, data):
    open_time = place * timeframe.millis + data.draw(st.integers(1, timeframe.millis - 1))
    with pytest.raises(InvariantViolation, match=f"{open_time} is not the start of a {timeframe} candle"):
        check_on_grid([make_candle(open_time, timeframe=timeframe)])


def test_one_among_many_is_found_and_named():
    candles = [make_candle(START), make_candle(START + 1, symbol="ETHUSDT"), make_candle(START + MINUTE)]
    with pytest.raises(InvariantViolation, match=rf"ETHUSDT: open_time {START + 1} "):
        check_on_grid(candles)


def test_a_minute_that_starts_no_hour_is_on_one_grid_only():
    check_on_grid([make_candle(START + MINUTE)])
    with pytest.raises(InvariantViolation, match="1h candle"):
        check_on_grid([make_candle(START + MINUTE, timeframe=Timeframe.H1)])
