"""Feed events in, packs out: nothing lost, nothing twice, and no pack claims what its run has not seen."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.feed import FeedAlive, FeedConnected, FeedTrades
from shared.domain.trade import TradePack
from shared.engine.packer import PACK_TRADES, Packer, shard_of
from tests.makers import EXCHANGE, MINUTE, START, make_trade

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def packer(shards: int = 1, keep=lambda _trade: True) -> Packer:
    return Packer(EXCHANGE, shards, pack_millis=100, keep=keep)


def connected(symbols=SYMBOLS, covered_from: int = START) -> FeedConnected:
    return FeedConnected(tuple(sorted(symbols)), {}, covered_from)


def frame(*trades, venue_time: int | None = None) -> FeedTrades:
    newest = max((trade.event_time for trade in trades), default=START)
    return FeedTrades(trades, newest + 1 if venue_time is None else venue_time, newest + 5)


def running(**options) -> Packer:
    machine = packer(**options)
    machine.connected(connected(), "r-1")
    machine.alive(FeedAlive(START + 1))
    machine.flush(0, everything=True)
    return machine


def test_the_first_pack_names_the_run_its_start_and_its_symbols():
    machine = packer()
    machine.connected(connected(), "r-1")
    machine.trades(frame(make_trade(START + 5)), now=10.0)
    assert machine.due() == pytest.approx(10.1)
    assert machine.flush(10.05) == []
    (pack,) = machine.flush(10.1)
    assert pack == TradePack(
        EXCHANGE, "r-1", 0, 0, START, START - 1, START + 6, SYMBOLS, (make_trade(START + 5, ordinal=0),)
    )
    assert machine.due() is None


def test_without_trades_the_watermark_is_told_once_a_second_and_only_when_it_moved():
    machine = running()
    machine.alive(FeedAlive(START + 500))
    assert machine.due() == 1.0
    (pack,) = machine.flush(1.0)
    assert (pack.seq, pack.watermark, pack.trades, pack.symbols) == (1, START + 500, (), ())
    machine.alive(FeedAlive(START + 400))
    machine.alive(FeedAlive(0))
    assert machine.due() is None
    assert machine.flush(60.0) == []


def test_the_manifest_returns_when_the_watermark_enters_a_new_minute():
    machine = running()
    named = []
    for step in (30_000, 59_999, 60_000, 90_000, 120_001):
        machine.alive(FeedAlive(START + step))
        named += [bool(pack.symbols) for pack in machine.flush(0, everything=True)]
    assert named == [False, False, True, False, True]


def test_a_burst_is_cut_into_packs_and_only_the_last_claims_the_newest_watermark():
    machine = running()
    trades = [make_trade(START + 10 + n, trade_id=str(n)) for n in range(2 * PACK_TRADES + 5)]
    machine.trades(frame(*trades), now=5.0)
    assert machine.due() == 5.0
    packs = machine.flush(5.0)
    assert [len(pack.trades) for pack in packs] == [PACK_TRADES, PACK_TRADES, 5]
    assert [pack.watermark for pack in packs] == [START + 1, START + 1, trades[-1].event_time + 1]
    assert [pack.prior_event_time for pack in packs[1:]] == [
        START + 10 + PACK_TRADES - 1,
        START + 10 + 2 * PACK_TRADES - 1,
    ]


def test_a_repeated_last_trade_travels_although_the_run_does_not_cover_its_time():
    machine = packer()
    machine.connected(connected(), "r-1")
    machine.trades(frame(make_trade(START - 42_000)), now=0)
    (pack,) = machine.flush(0, everything=True)
    assert pack.trades[0].event_time == START - 42_000
    assert pack.prior_event_time == pack.covered_from - 1 == START - 1


def test_a_sweep_split_over_frames_keeps_counting():
    machine = running()
    sweep = [make_trade(START + 9, trade_id=str(n), sequence=7, ordinal=n % 2) for n in range(4)]
    machine.trades(frame(*sweep[:2]), now=0)
    machine.trades(frame(*sweep[2:]), now=0)
    machine.trades(frame(make_trade(START + 9, sequence=8)), now=0)
    (pack,) = machine.flush(1)
    assert [(trade.sequence, trade.ordinal) for trade in pack.trades] == [(7, 0), (7, 1), (7, 2), (7, 3), (8, 0)]


def test_trades_that_do_not_count_are_left_out_but_prove_the_time():
    machine = running(keep=lambda trade: not trade.is_block)
    machine.trades(frame(make_trade(START + 9, is_block=True)), now=0)
    (pack,) = machine.flush(1)
    assert (pack.trades, pack.watermark) == ((), START + 10)


def test_a_symbol_that_the_run_does_not_cover_is_nobodys_and_proves_the_time():
    machine = running()
    machine.trades(frame(make_trade(START + 9, symbol="NOBODY"), make_trade(START + 10)), now=0)
    (pack,) = machine.flush(1)
    assert [trade.symbol for trade in pack.trades] == ["BTCUSDT"]
    assert pack.watermark == START + 11


def test_a_disconnect_ends_the_run_with_its_last_packs_and_later_events_are_nobodys():
    machine = running()
    machine.trades(frame(make_trade(START + 9)), now=0)
    assert [len(pack.trades) for pack in machine.disconnected(0.01)] == [1]
    machine.trades(frame(make_trade(START + 10)), now=1)
    assert (machine.due(), machine.flush(9, everything=True), machine.running) == (None, [], False)


def test_given_up_trades_are_not_claimed_by_the_run_that_follows():
    machine = running()
    machine.trades(frame(make_trade(START + 9), make_trade(START + 12), venue_time=START + 12), now=0)
    assert machine.restart("r-2") == 2
    assert machine.waiting == 0
    machine.trades(frame(make_trade(START + 20)), now=0)
    (pack,) = machine.flush(1)
    assert (pack.run_id, pack.seq, pack.covered_from, pack.symbols) == ("r-2", 0, START + 13, SYMBOLS)


def test_a_symbol_keeps_its_shard_for_ever():
    assert [shard_of(symbol, 4) for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")] == SHARDS
    assert shard_of("BTCUSDT", 1) == 0


SHARDS = [3, 0, 0, 0]

_trades = st.builds(
    lambda symbol, at, tag: make_trade(START + at, symbol=symbol, trade_id=str(tag)),
    st.sampled_from(SYMBOLS),
    st.integers(-2 * MINUTE, 5 * MINUTE),
    st.integers(),
)
_steps = st.one_of(
    st.builds(lambda trades, lag: ("trades", trades, lag), st.lists(_trades, max_size=5), st.integers(0, 5_000)),
    st.builds(lambda at: ("alive", START + at, 0), st.integers(-MINUTE, 5 * MINUTE)),
    st.builds(lambda passed: ("flush", passed, 0), st.floats(0, 2)),
    st.just(("reconnect", None, 0)),
)


def play(steps, shards: int) -> tuple[list[TradePack], list[tuple[str, object]]]:
    """Packs in order of publishing, and every trade with the run that received it."""
    machine, packs, given_trades, now, runs = packer(shards=shards), [], [], 0.0, 1
    machine.connected(connected(), "r-1")
    proven = START  # no pack may claim more than the venue has shown
    for kind, value, lag in steps:
        if kind == "trades":
            event = frame(*value, venue_time=max((t.event_time for t in value), default=START) + lag)
            proven = max(proven, event.venue_time)
            machine.trades(event, now)
            given_trades += [(f"r-{runs}", trade.trade_id) for trade in value]
        elif kind == "alive":
            proven = max(proven, value)
            machine.alive(FeedAlive(value))
        elif kind == "flush":
            now += value
            packs += machine.flush(now)
            due = machine.due()
            assert due is None or due > now
        else:
            packs += machine.disconnected(now)
            runs += 1
            proven = START + runs
            machine.connected(connected(covered_from=proven), f"r-{runs}")
        assert all(pack.watermark <= proven for pack in packs if pack.run_id == f"r-{runs}")
    return packs + machine.disconnected(now), given_trades


@given(st.lists(_steps, max_size=40), st.integers(1, 3))
def test_every_run_is_numbered_without_holes_and_its_claims_hold(steps, shards):
    packs, given_trades = play(steps, shards)
    carried = [(pack.run_id, trade.trade_id) for pack in packs for trade in pack.trades]
    assert sorted(carried) == sorted(given_trades)
    by_place = sorted(packs, key=lambda pack: (pack.run_id, pack.shard))
    for (_, shard), group in groupby(by_place, key=lambda pack: (pack.run_id, pack.shard)):
        run = list(group)
        members = tuple(symbol for symbol in SYMBOLS if shard_of(symbol, shards) == shard)
        assert [pack.seq for pack in run] == list(range(len(run)))
        assert run[0].symbols == members
        seen = run[0].covered_from - 1
        for before, pack in zip([None, *run], run, strict=False):
            assert pack.prior_event_time == seen
            seen = max([seen, *(trade.event_time for trade in pack.trades)])
            assert all(shard_of(trade.symbol, shards) == shard for trade in pack.trades)
            if before:
                assert pack.watermark >= before.watermark
                entered = pack.watermark // MINUTE > before.watermark // MINUTE
                assert pack.symbols == (members if entered else ())
