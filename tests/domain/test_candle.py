"""Candles: their ends, and which version of a minute a store keeps."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.candle import LOOK_MILLIS, Candle, CandleSource
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from tests.makers import START, make_candle

versions = st.builds(
    make_candle,
    complete=st.booleans(),
    revision=st.integers(0, 3),
    trades=st.integers(0, 3),
    source=st.sampled_from(CandleSource),
)


@pytest.mark.parametrize("timeframe", Timeframe)
def test_a_candle_ends_where_the_next_one_begins(timeframe):
    candle = make_candle(timeframe=timeframe)
    assert candle.close_time == START + timeframe.millis
    assert timeframe.floor(candle.close_time) == candle.close_time


@pytest.mark.parametrize("timeframe", Timeframe)
def test_looks_fill_a_candle_evenly(timeframe):
    assert timeframe.millis % LOOK_MILLIS == 0


def test_a_candle_names_its_instrument():
    assert make_candle(symbol="ETHUSDT").instrument == Instrument("bybit-linear", "ETHUSDT")


@pytest.mark.parametrize(
    ("new", "stored", "wins"),
    [
        ({"complete": True}, {"complete": False}, True),
        ({"complete": False}, {"complete": True}, False),
        ({"complete": True, "trades": 1}, {"complete": False, "trades": 9}, True),
        ({"complete": True, "revision": 0}, {"complete": False, "revision": 5}, True),
        ({"complete": False, "revision": 5}, {"complete": True, "revision": 0}, False),
        ({"revision": 1}, {"revision": 0}, True),
        ({"revision": 0}, {"revision": 1}, False),
        ({"revision": 1, "trades": 1}, {"revision": 0, "trades": 9}, True),
        ({"trades": 2}, {"trades": 1}, True),
        ({"trades": 1}, {"trades": 2}, False),
        ({}, {}, False),
        ({"close": "101"}, {"close": "100"}, False),  # equal rank: who was first stays
        ({"complete": True, "trades": 0, "source": CandleSource.EXCHANGE}, {"complete": False, "trades": 7}, True),
    ],
)
def test_what_a_store_keeps(new, stored, wins):
    assert make_candle(**new).supersedes(make_candle(**stored)) is wins


@given(versions, versions, versions)
def test_superseding_is_transitive_and_never_mutual(first, second, third):
    assert not first.supersedes(first)
    assert not (first.supersedes(second) and second.supersedes(first))
    if first.supersedes(second) and second.supersedes(third):
        assert first.supersedes(third)


@given(st.lists(versions, min_size=1, max_size=4))
def test_the_order_in_which_versions_are_written_does_not_matter(candles):
    assert len({_rank(_kept(order)) for order in permutations(candles)}) == 1


def _kept(order: tuple[Candle, ...]) -> Candle:
    stored = order[0]
    for candle in order[1:]:
        stored = candle if candle.supersedes(stored) else stored
    return stored


def _rank(candle: Candle) -> tuple[bool, int, int]:
    return candle.complete, candle.revision, candle.trades
