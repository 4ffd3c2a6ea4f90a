"""Row keys and columns of candles: order, width, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.wire.bigtable_keys import (
    HEADS,
    bucket_millis,
    head_key,
    instrument_of_head,
    joined,
    offsets,
    prefix,
    qualifier,
    row_key,
    split_row_key,
)
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL

BTC = Instrument(EXCHANGE, SYMBOL)
times = st.integers(0, 4_000_000_000_000)
timeframes = st.sampled_from(Timeframe)
texts = st.text(max_size=6)


def test_a_minute_stands_in_the_row_of_its_hour_and_a_longer_candle_in_that_of_its_day():
    time = START + 3 * 60 * MINUTE + 7 * MINUTE
    assert row_key(BTC, Timeframe.M1, time) == b"bybit-linear#BTCUSDT#99509100"
    assert qualifier(Timeframe.M1, time) == b"07"
    assert row_key(BTC, Timeframe.H1, time) == b"bybit-linear#BTCUSDT#99979545"
    assert qualifier(Timeframe.H1, START + 180 * MINUTE) == b"03"


@pytest.mark.parametrize(("timeframe", "count"), list(zip(Timeframe, (60, 12, 4, 2, 24, 6, 1), strict=True)))
def test_a_row_has_a_column_for_each_of_its_candles(timeframe, count):
    assert len(offsets(timeframe)) == count
    assert all(len(column) == 2 for column in offsets(timeframe))


@given(times, timeframes)
def test_key_and_column_give_the_open_time_back(time, timeframe):
    open_time = timeframe.floor(time)
    series, start = split_row_key(row_key(BTC, timeframe, open_time), timeframe)
    assert series == prefix(BTC)
    assert start + offsets(timeframe)[qualifier(timeframe, open_time)] == open_time


@given(times, times, timeframes)
def test_newer_rows_come_first(one, other, timeframe):
    newest_first = row_key(BTC, timeframe, one) > row_key(BTC, timeframe, other)
    assert newest_first == (one // bucket_millis(timeframe) < other // bucket_millis(timeframe))


@given(st.lists(texts, min_size=1, max_size=4), st.lists(texts, min_size=1, max_size=4))
def test_different_parts_make_different_keys(one, other):
    assert (joined(*one) == joined(*other)) == (one == other)


@given(texts, texts, times, timeframes)
def test_heads_lie_together_apart_from_all_candles_and_name_their_instrument(exchange, symbol, time, timeframe):
    instrument = Instrument(exchange, symbol)
    assert HEADS[0] <= head_key(instrument) < HEADS[1]
    assert instrument_of_head(head_key(instrument)) == instrument
    if exchange:
        assert not HEADS[0] <= row_key(instrument, timeframe, time) < HEADS[1]


@pytest.mark.parametrize("time", [-1, 0, 2**53, 2**70])
def test_times_beyond_the_calendar_keep_the_width(time):
    assert len(row_key(BTC, Timeframe.M1, time)) == len(row_key(BTC, Timeframe.M1, START))
