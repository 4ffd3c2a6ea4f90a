"""Recorded trades in, packs out; and through the candle builder, the candles they must give."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.candle import OpenMode
from shared.domain.timeframe import Timeframe
from shared.engine.candle_builder import CandleBuilder
from shared.engine.offline_packs import LAG, offline_packs
from shared.errors import InvalidInput
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_trade

DAY = 1440 * MINUTE


def packs(trades, **options):
    return list(offline_packs(trades, **{"exchange": EXCHANGE, "symbol": SYMBOL, "timeframe": Timeframe.M1} | options))


def candles(trades, **options):
    """The last revision of each candle, by open time."""
    builder = CandleBuilder(
        exchange=EXCHANGE,
        timeframe=options.get("timeframe", Timeframe.M1),
        open_mode=OpenMode.FIRST_TRADE,
        grace=0,
        patience=0,
        retention=LAG,
    )
    closed = {candle.open_time: candle for pack in packs(trades, **options) for candle in builder.on_pack(pack)}
    assert builder.stats.lost == 0
    return closed


def numbered(*offsets, ids=None):
    ids = ids or range(100, 100 + len(offsets))
    pairs = zip(offsets, ids, strict=True)
    return [make_trade(START + offset, str(number), trade_id=str(number), sequence=number) for offset, number in pairs]


def incomplete(closed):
    return [(time - START) // MINUTE for time, candle in sorted(closed.items()) if not candle.complete]


def test_nothing_gives_no_pack():
    assert packs([]) == []


def test_the_packs_of_a_run_follow_one_another_and_never_claim_too_much():
    trades = [make_trade(START + second * 1000) for second in range(2000)]
    made = packs(trades)
    assert [pack.seq for pack in made] == list(range(10))
    assert {pack.run_id for pack in made} == {"recorded-0"}
    assert [trade for pack in made for trade in pack.trades] == trades
    for pack, following in pairwise(made):
        assert following.prior_event_time == (pack.trades[-1].event_time if pack.trades else pack.covered_from - 1)
        assert pack.watermark <= following.watermark
        assert all(trade.event_time >= pack.watermark for trade in following.trades)
    assert made[0].symbols == made[-1].symbols == (SYMBOL,)


def test_first_and_last_candle_are_whole_by_convention_and_a_silence_is_flat():
    closed = candles([make_trade(START + 59_999, "7"), make_trade(START + 3 * MINUTE, "8")])
    assert sorted(closed) == [START + n * MINUTE for n in range(4)]
    assert incomplete(closed) == []
    assert [candle.trades for _, candle in sorted(closed.items())] == [1, 0, 0, 1]
    assert closed[START + MINUTE].close == 7


def test_longer_candles_are_whole_too():
    closed = candles([make_trade(START + 50 * MINUTE), make_trade(START + 70 * MINUTE)], timeframe=Timeframe.H1)
    assert [(time - START, candle.trades, candle.complete) for time, candle in closed.items()] == [
        (0, 1, True),
        (60 * MINUTE, 1, True),
    ]


@given(
    st.lists(st.tuples(st.integers(0, 6 * 60 * MINUTE), st.integers(1, 5)), min_size=1, max_size=60),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_disorder_within_the_lag_changes_no_candle(spots, seed, contiguous):
    spots.sort()
    trades = [
        make_trade(START + offset, str(price), trade_id=str(number), sequence=number)
        for number, (offset, price) in enumerate(spots)
    ]
    # Each trade is delayed by less than the lag, as a venue's or an archive's order may be.
    chance = random.Random(seed)  # noqa: S311 - an order to be repeated, no secret
    shuffled = sorted(trades, key=lambda trade: trade.event_time + chance.randrange(LAG))
    expected = candles(trades)
    assert candles(shuffled, contiguous_ids=contiguous) == expected
    assert incomplete(expected) == []
    assert sum(candle.trades for candle in expected.values()) == len(trades)


@given(
    st.lists(st.integers(0, 90 * MINUTE), min_size=2, max_size=80),
    st.sets(st.integers(1, 78)),
    st.integers(0, 2**32),
)
def test_exactly_the_minutes_a_jump_touches_are_incomplete(offsets, lost, seed):
    whole = numbered(*sorted(offsets))
    kept = [trade for place, trade in enumerate(whole) if place not in lost]
    touched = {
        minute
        for before, after in pairwise(kept)
        if after.sequence > before.sequence + 1
        for minute in range((before.event_time - START) // MINUTE, (after.event_time - START) // MINUTE + 1)
    }
    chance = random.Random(seed)  # noqa: S311 - an order to be repeated, no secret
    shuffled = sorted(kept, key=lambda trade: trade.event_time + chance.randrange(LAG // 2))
    for order in (kept, shuffled):
        assert set(incomplete(candles(order, contiguous_ids=True))) == touched


def test_a_trade_given_twice_is_no_hole():
    trades = numbered(0, MINUTE, 2 * MINUTE)
    assert incomplete(candles([*trades, *trades], contiguous_ids=True)) == []
    assert incomplete(candles(sorted([*trades, *trades]), contiguous_ids=True)) == []


def test_the_close_of_a_lone_trade_behind_a_hole_is_known_so_the_silence_after_it_is_whole():
    trades = numbered(0, MINUTE + 5, 4 * MINUTE, ids=[1, 9, 10])
    assert incomplete(candles(trades, contiguous_ids=True)) == [0, 1]


def test_a_hole_that_ends_at_the_first_instant_of_a_minute_touches_that_minute():
    trades = numbered(0, MINUTE, 3 * MINUTE, ids=[1, 9, 10])
    assert incomplete(candles(trades, contiguous_ids=True))[:2] == [0, 1]


def test_only_a_real_hole_is_waited_for():
    source = iter(numbered(*range(0, 100_000, 10)))
    stream = offline_packs(source, exchange=EXCHANGE, symbol=SYMBOL, timeframe=Timeframe.M1, contiguous_ids=True, lag=0)
    assert len(next(stream).trades) < 300
    assert next(source).sequence < 500


@pytest.mark.parametrize(
    ("trades", "options", "text"),
    [
        ([make_trade(START + LAG + 1), make_trade(START)], {}, "more than 60 minutes behind later ones: sort"),
        ([make_trade(START), make_trade(START + 32 * DAY)], {}, "more than 31 days: convert the files"),
        ([make_trade(START, trade_id="")], {"contiguous_ids": True}, "the trade id '' is no number"),
        ([make_trade(START, trade_id="1/1")], {"contiguous_ids": True}, "--contiguous-ids: .*'1/1'"),
    ],
)
def test_input_that_cannot_give_right_candles_is_refused(trades, options, text):
    with pytest.raises(InvalidInput, match=text):
        packs(trades, **options)
