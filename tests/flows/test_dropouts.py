"""Drop-outs, injected and real, over recorded days: what they touch is marked and healed, and nothing else changes."""

from dataclasses import replace
from functools import partial
from itertools import islice
from random import Random

import pytest
import pytest_asyncio

from services.backfiller.audit import COLLECTION
from shared.domain.book import Book, BookKey
from shared.domain.candle import CandleSource
from shared.domain.signal import SignalKind
from shared.domain.timeframe import Timeframe
from shared.engine.strategy_runner import StrategyRunner
from shared.strategies import rsi_divergence, rsi_threshold
from tests.flows.dropouts import LONGEST, Home, Session, figures, id_jumps, random_dropouts, read, working
from tests.makers import EXCHANGE, MINUTE

DROPOUTS = 100


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - drop-outs are no secret


async def flagged_then_healed(session: Session, step: int) -> dict[str, int]:
    """Play a session, look, let the backfiller work, look again; returns the counts for people."""
    truth = session.truth()
    home = Home(session, truth)
    await home.play(step)
    before = await home.candles()
    flagged = {minute for minute, candle in before.items() if not candle.complete}
    assert set(before) == set(session.minutes), "every minute has a candle"
    assert flagged == session.unprovable()
    assert session.touched() <= flagged
    whole = set(before) - flagged
    assert [minute for minute in whole if figures(before[minute]) != figures(truth[minute])] == []

    async with working(home.backfiller(warm_up=0, audit_every=0)):
        await home.until(lambda: home.unhealed == 0)
    after = await home.candles()
    wrong = [minute for minute in session.minutes if figures(after[minute]) != figures(truth[minute])]
    assert wrong == []
    assert {minute: after[minute] for minute in whole} == {minute: before[minute] for minute in whole}
    assert all(after[minute].source is CandleSource.EXCHANGE and after[minute].complete for minute in flagged)
    counts = {"minutes": len(after), "touched": len(session.touched()), "flagged": len(flagged), "wrong": len(wrong)}
    return counts | {"healed": sum(candle.source is CandleSource.EXCHANGE for candle in after.values())}


async def test_a_hundred_dropouts_in_a_thin_day_are_marked_and_healed_to_the_digit():
    trades = read("trades", "bybit_spot_1INCHUSDT_2025-05-19.csv.gz", "1INCHUSDT")
    first, last = trades[0].event_time, trades[-1].event_time
    dropouts = list(islice(random_dropouts(seeded(1), first, last, gap=300_000), DROPOUTS))
    assert len(dropouts) == DROPOUTS
    counts = await flagged_then_healed(Session.over(trades, dropouts), step=10_000)
    assert counts == {"minutes": 1_441, "touched": 238, "flagged": 291, "healed": 291, "wrong": 0}


async def test_a_hundred_dropouts_in_a_busy_market_are_marked_and_healed_to_the_digit():
    trades = read("ws_raw", "binance_spot_btcusdt_trade_frames_2024-08-08.txt.gz", "BTCUSDT")
    first, last = trades[0].event_time, trades[-1].event_time
    random, left, total = seeded(2), DROPOUTS, dict.fromkeys(("minutes", "touched", "flagged", "wrong", "healed"), 0)
    while left:
        dropouts = list(islice(random_dropouts(random, first, last, gap=20_000), left))
        left -= len(dropouts)
        counts = await flagged_then_healed(Session.over(trades, dropouts), step=1_000)
        total = {name: total[name] + counts[name] for name in total}
    assert total == {"minutes": 253, "touched": 216, "flagged": 235, "healed": 235, "wrong": 0}


@pytest.mark.parametrize(
    ("longest", "bound"),
    [
        # The aggregator's patience, the healing loop's second, and a step of this clock.
        pytest.param(10_000, 15_000 + 1_000 + 1_000, id="short"),
        # No candle closes while nobody is connected: the sweep finds the minute missing, after two minutes.
        pytest.param(LONGEST, 120_000 + 15_000 + 1_000, id="long"),
    ],
)
async def test_while_it_runs_holes_heal_within_bounds_and_all_else_equals_the_venues(longest, bound):
    trades = read("ws_raw", "binance_usdm_btcusdt_trade_frames_2024-08-08.txt.gz", "BTCUSDT")
    first, last = trades[0].event_time, trades[-1].event_time
    session = Session.over(trades, list(islice(random_dropouts(seeded(3), first, last, 60_000, longest), 5)))
    truth = session.truth()
    home = Home(session, truth)
    async with working(home.backfiller(warm_up=0)) as service:
        await home.play(1_000, turns=40)
        await home.until(lambda: home.unhealed == 0)
        await home.until(lambda: home.clock.now() > session.end + 3 * MINUTE)
        facts = service.health().facts
    after = await home.candles()
    assert {minute: figures(candle) for minute, candle in after.items()} == {
        minute: figures(candle) for minute, candle in truth.items()
    }
    ours = [candle for candle in after.values() if candle.source is CandleSource.TRADES]
    assert facts["parity"] == f"100.00 % of {len(ours)}"
    assert await home.store.documents(COLLECTION, 10) == []
    assert facts["healed"] > 0
    assert facts["heal_p95_ms"] <= bound


@pytest.mark.parametrize(
    ("klines_hold_rpi", "parity", "surplus"),
    [
        pytest.param(True, "100.00 % of 1440", 0, id="with-rpi"),
        pytest.param(False, "97.91 % of 1440", 30, id="without-rpi"),
    ],
)
async def test_a_recorded_day_is_audited_without_a_false_alarm(klines_hold_rpi, parity, surplus):
    trades = read("trades", "bybit_spot_1INCHUSDT_2025-05-19.csv.gz", "1INCHUSDT")
    session = Session.over(trades, [])
    kept = [trade for trade in trades if klines_hold_rpi or not trade.is_rpi]
    home = Home(session, replace(session, trades=kept).truth())
    async with working(home.backfiller(warm_up=0)) as service:
        await home.play(10_000, turns=12)
        await home.until(lambda: home.clock.now() > session.end + 5 * MINUTE)
        facts = service.health().facts
    assert (facts["parity"], facts["surplus"], facts["mismatch"]) == (parity, surplus, 0)
    truth, after = session.truth(), await home.candles()
    assert [minute for minute in list(truth)[1:] if figures(after[minute]) != figures(truth[minute])] == []
    assert len(await home.store.documents(COLLECTION, 10_000)) == surplus


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def litecoin():
    """Half a day with 16 real drop-outs that nobody can heal: its session and its candles."""
    trades = read("trades", "binance_LTCUSDT_trades_2025-06-21.csv.gz", "LTCUSDT")
    session = Session.over(trades, id_jumps(trades))
    home = Home(session, {})
    await home.play(10_000)
    async with working(home.backfiller()):
        await home.until(lambda: home.unhealed == 0)
    return session, await home.candles()


async def test_real_dropouts_that_cannot_be_healed_leave_exactly_their_minutes_incomplete(litecoin):
    session, candles = litecoin
    truth = session.truth()
    assert len(session.dropouts) == 16
    incomplete = {minute for minute, candle in candles.items() if not candle.complete}
    first = {session.start}  # no close is known before it
    assert session.touched() - first < incomplete == session.touched() | first == session.unprovable()
    assert all(figures(candles[minute]) == figures(truth[minute]) for minute in set(candles) - incomplete)


@pytest.mark.parametrize(
    ("module", "parameters"),
    [(rsi_divergence, {}), (rsi_threshold, {"oversold": 35, "overbought": 65, "volume_factor": 1.0})],
)
async def test_no_signal_is_built_on_a_minute_that_stays_incomplete(litecoin, module, parameters):
    _, candles = litecoin
    runner = StrategyRunner(partial(module.create, parameters), Timeframe.M1, 5)

    def entries(found):
        book = runner.advance(Book(BookKey("s", EXCHANGE, "LTCUSDT")), found).book
        return [line.open_time for line in book.unpublished if line.kind is SignalKind.ENTRY]

    said = entries(list(candles.values()))
    broken = {minute for minute, candle in candles.items() if not candle.complete}
    for minute in said:
        assert broken.isdisjoint(range(minute - runner.warm_up * MINUTE, minute + MINUTE, MINUTE))
    # The same candles, were they not marked, would say more: what is left out is left out because of the marks.
    unmarked = entries([replace(candle, complete=True) for candle in candles.values()])
    assert len(said) < len(unmarked)
