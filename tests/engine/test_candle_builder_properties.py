"""Properties of the candle builder over generated markets, runs, losses, disorder and takeovers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.candle import OpenMode
from tests.engine.recorded_runs import (
    END,
    SEED,
    SYMBOLS,
    cuts,
    feed,
    figures,
    make_builder,
    make_run,
    markets,
    newest,
    true_completeness,
)
from tests.makers import MINUTE, START, make_trade

some = settings(deadline=None)  # how long an example takes depends on what else the machine does
many = settings(some, max_examples=150)


def figures_of(candles):
    return {key: figures(candle) for key, candle in candles.items()}


def completeness_of(candles):
    return {key: candle.complete for key, candle in candles.items()}


def assert_none_is_wrong(candles, truth):
    assert all(figures(candle) == truth[key] for key, candle in candles.items() if candle.complete)


@some
@given(markets, st.booleans())
def test_order_and_duplicates_change_nothing(market, is_seeded):
    packs = market.packs()
    twice = [*packs, *market.order.choices(packs, k=len(packs) // 2)]
    in_order = feed(make_builder(market.open_mode, is_seeded=is_seeded), packs)
    mixed = feed(make_builder(market.open_mode, is_seeded=is_seeded), market.shuffled(twice))
    assert newest(mixed) == newest(in_order)


@some
@given(markets)
def test_a_whole_run_gives_every_candle_complete_and_right_once(market):
    candles = feed(make_builder(market.open_mode), market.packs())
    assert figures_of(newest(candles)) == market.truth()
    assert all(candle.complete and candle.revision == 0 for candle in candles)
    assert all(candle.low <= min(candle.open, candle.close) for candle in candles)
    assert all(candle.high >= max(candle.open, candle.close) for candle in candles)
    assert len(candles) == len(newest(candles))


@some
@given(markets, cuts, st.integers(0, 2 * MINUTE), st.integers(2 * MINUTE, 5 * MINUTE))
def test_any_split_into_overlapping_runs_gives_the_same_complete_candles(market, other_cuts, begin, until):
    first = market.packs(run_id="a", until=START + until)
    second = make_run(market.trades, other_cuts, run_id="b", covered_from=START + begin)
    packs = market.shuffled([*first, *second])
    candles = newest(feed(make_builder(market.open_mode), packs))
    assert completeness_of(candles) == true_completeness(packs, market.open_mode)
    assert_none_is_wrong(candles, market.truth())


@some
@given(markets, st.sets(st.integers(0, 20), max_size=3))
def test_lost_packs_break_exactly_what_they_could_touch_and_no_complete_candle_is_wrong(market, lost):
    packs = market.packs()
    left = market.shuffled([pack for pack in packs if pack.seq not in lost or pack is packs[-1]])
    candles = newest(feed(make_builder(market.open_mode), left))
    if any(pack.symbols for pack in left):
        assert completeness_of(candles) == true_completeness(left, market.open_mode)
    else:
        assert not any(completeness_of(candles).values()), "nothing says which symbols the run covers"
    assert_none_is_wrong(candles, market.truth())


@some
@given(markets, st.data())
def test_every_minute_is_said_once_and_then_revised_one_by_one(market, data):
    packs = market.packs()
    kept = [packs[0], packs[-1], *data.draw(st.lists(st.sampled_from(packs), max_size=30))]
    revisions: dict[tuple[str, int], list[int]] = {}
    for candle in feed(make_builder(market.open_mode), market.shuffled(kept)):
        revisions.setdefault((candle.symbol, candle.open_time), []).append(candle.revision)
    assert set(revisions) == {(symbol, time) for symbol in SYMBOLS for time in range(START, END, MINUTE)}
    assert all(found == list(range(len(found))) for found in revisions.values())


@some
@given(markets, st.data())
def test_a_missing_pack_that_comes_late_completes_the_minutes(market, data):
    packs = market.packs()
    late = data.draw(st.sampled_from(packs))
    candles = newest(feed(make_builder(market.open_mode), [*(pack for pack in packs if pack is not late), late]))
    assert figures_of(candles) == market.truth()
    assert all(completeness_of(candles).values())


@many
@given(markets, st.data())
def test_a_successor_completes_exactly_what_its_predecessor_had_not_closed(market, data):
    packs = market.packs()
    handed_over = data.draw(st.integers(0, len(packs)))
    before = make_builder(market.open_mode)
    stored = {(candle.symbol, candle.open_time): candle for candle in feed(before, packs[:handed_over])}
    unfinished = [pack for pack in packs[:handed_over] if before.last_minute(pack) >= before.closed_through(0)]

    after = make_builder(market.open_mode, is_seeded=False)
    for symbol in SYMBOLS:
        last = max((time for name, time in stored if name == symbol), default=START - MINUTE)
        after.seed(symbol, last, stored[symbol, last].close if stored else SEED)
    said = newest(feed(after, market.shuffled([*unfinished, *packs[handed_over:]])))

    assert not set(said) & set(stored)
    assert all(completeness_of(said).values())
    assert figures_of({**stored, **said}) == market.truth()


@many
@given(markets, st.data())
def test_a_successor_that_knows_nothing_never_says_a_wrong_candle_is_complete(market, data):
    packs = market.packs()
    handed_over = data.draw(st.integers(0, len(packs)))
    before = make_builder(market.open_mode)
    feed(before, packs[:handed_over])
    unfinished = [pack for pack in packs[:handed_over] if before.last_minute(pack) >= before.closed_through(0)]
    after = make_builder(market.open_mode, is_seeded=False)
    candles = newest(feed(after, market.shuffled([*unfinished, *packs[handed_over:]])))
    assert_none_is_wrong(candles, market.truth())
    if market.open_mode is OpenMode.FIRST_TRADE:
        open_and_traded = {
            (trade.symbol, trade.event_time - trade.event_time % MINUTE)
            for trade in market.trades
            if trade.event_time >= before.closed_through(0)
        }
        assert all(candles[key].complete for key in open_and_traded)


@pytest.mark.parametrize("open_mode", OpenMode)
def test_the_judge_of_these_properties_sees_a_hole(open_mode):
    packs = make_run([make_trade(START + 70_000, symbol=SYMBOLS[0])], [30_000, 61_000, 130_000])
    assert all(true_completeness(packs, open_mode).values())
    assert [pack.seq for pack in packs if pack.trades] == [2]
    holed = true_completeness([pack for pack in packs if pack.seq != 2], open_mode)
    assert [time for (name, time), complete in holed.items() if name == SYMBOLS[0] and not complete] == [
        START + MINUTE,
        START + 2 * MINUTE,
        START + 3 * MINUTE,
    ]
