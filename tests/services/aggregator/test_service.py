"""The aggregator as its host sees it: name, health, forming views, a clean end."""

import asyncio

import pytest

from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError, InvariantViolation
from shared.messages.catalog import TRADES
from shared.ports import Message
from shared.runtime.lease import Lease
from shared.runtime.rejections import MOST
from shared.runtime.service import HealthStatus
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_pack, make_trade
from tests.services.aggregator.surroundings import GRACE, LEASE, QUEUE, Platform, away, spin

BTC = Instrument(EXCHANGE, SYMBOL)


@pytest.fixture
async def platform():
    return await Platform().open()


async def test_it_is_starting_then_well_then_degraded_when_watermarks_stop(platform):
    async with platform.running() as service:
        assert (service.name, service.health().status) == ("aggregator", HealthStatus.STARTING)
        await platform.send(make_pack(0, START - 500, covered_from=START - MINUTE))
        await platform.settle(4_000)
        health = service.health()
        assert (health.status, health.facts["lag_ms"], health.facts["packs_held"]) == (HealthStatus.OK, 4_500, 1)
        await platform.settle(11_000)
        health = service.health()
        assert health.status is HealthStatus.DEGRADED
        assert "is the ingestor running" in health.detail
        await platform.send(make_pack(1, START + 14_000, covered_from=START - MINUTE))
        await platform.settle()
        assert service.health().status is HealthStatus.OK


async def test_without_any_trades_it_says_so_after_a_while(platform):
    async with platform.running() as service:
        await platform.settle(11_000)
        assert service.health().status is HealthStatus.DEGRADED


async def test_incomplete_minutes_are_counted(platform):
    async with platform.running() as service:
        await platform.send(make_pack(0, START + 500, (make_trade(START + 1),)))
        await platform.send(make_pack(7, START + MINUTE + 15_000, prior_event_time=START + 30_000))
        await platform.settle()
        facts = service.health().facts
    assert (facts["candles_closed"], facts["candles_incomplete"], facts["trades"]) == (1, 1, 1)


async def test_forming_views_are_shown_every_few_seconds_and_an_outage_skips_one(platform):
    async def shown():
        found = await platform.store._inner.read_forming([BTC], Timeframe.M1)
        return found[BTC].as_of if found else None

    async with platform.running():
        await platform.send(make_pack(0, START + 1_000, (make_trade(START + 500),)))
        await platform.settle()
        assert await shown() is None
        await platform.settle(3_000)
        assert await shown() == START + 1_000 - GRACE
        await platform.settle(3_000)
        assert platform.store.calls.count("write_forming") == 1, "nothing new to show"
        platform.store.fail("write_forming", *away())
        await platform.send(make_pack(1, START + 2_000, prior_event_time=START + 500))
        await platform.settle(3_000)
        assert await shown() == START + 1_000 - GRACE
        await platform.settle(3_000)
        assert await shown() == START + 2_000 - GRACE


async def test_it_waits_for_a_bus_that_is_not_there_yet(platform):
    platform.bus.fail("subscribe", *away(2))
    async with platform.running() as service:
        assert service.health().status is HealthStatus.DEGRADED
        await platform.settle(250)
        await platform.settle(500)
        assert service.health().status is HealthStatus.STARTING


async def test_an_error_ends_the_run_and_the_next_run_begins_afresh(platform):
    service = platform.service()
    platform.store.fail("write", InvariantViolation("corrupt"))
    await platform.send(make_pack(0, START + MINUTE + 500, (make_trade(START + 1),)))
    with pytest.RaisesGroup(pytest.RaisesExc(InvariantViolation, match="corrupt")):
        await asyncio.wait_for(service.run(), 5)
    assert platform.waiting() == (1, 0)
    again = asyncio.create_task(service.run())
    await platform.settle()
    assert [candle.trades for candle in await platform.candles()] == [1]
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_cancelled_while_the_store_is_away_it_ends_and_hands_everything_back(platform):
    platform.store.fail("write", *away(100))
    async with platform.running():
        await platform.send(make_pack(0, START + MINUTE + 500, (make_trade(START + 1),)))
        await platform.settle()
        assert platform.waiting() == (0, 1)
    assert platform.waiting() == (1, 0)


async def test_one_works_and_the_other_stands_by_which_is_well(platform):
    async with platform.running(holder="one") as working, platform.running(holder="two") as standing_by:
        await platform.send(make_pack(0, START - 500, covered_from=START - MINUTE))
        await platform.settle(LEASE // 4)
        assert working.health().facts["lease"] == "ours"
        assert working.health().facts["packs_held"] == 1
        for _ in range(4 * LEASE // 1_000):
            await platform.settle(1_000)
        health = standing_by.health()
        assert health.facts["lease"] == "another aggregator works (one); this one stands by"
        assert (health.status, health.detail, health.facts["packs_held"]) == (HealthStatus.OK, "", 0)
        assert working.health().status is HealthStatus.DEGRADED, "no trades for so long"
        platform.documents.fail("load_document", *away())
        await platform.settle(LEASE // 40)
        assert standing_by.health().detail == "the store is away; start it"


async def test_one_that_is_ended_hands_back_its_packs_and_then_the_lease(platform):
    waiting = []
    save = platform.documents._inner.save_document

    async def seen(document):
        waiting.append((b'"holder": ""' in document.data, platform.waiting()))
        return await save(document)

    platform.documents._inner.save_document = seen
    ending = asyncio.create_task(platform.service(holder="one").run())
    await spin()
    async with platform.running(holder="two") as successor:
        await platform.send(make_pack(0, START + 30_000, (make_trade(START + 1),)))
        await platform.settle()
        assert platform.waiting() == (0, 1)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
        assert waiting[-1] == (True, (1, 0)), "the lease is given back when the packs are"
        await platform.settle(LEASE // 40)
        assert successor.health().facts["lease"] == "ours"
        assert platform.waiting() == (0, 1)
        await platform.send(make_pack(1, START + MINUTE + 500, prior_event_time=START + 1))
        await platform.settle()
    assert [(candle.complete, candle.trades) for candle in await platform.candles()] == [(True, 1)]


async def test_one_that_loses_the_lease_hands_its_packs_back_and_begins_again_with_nothing(platform):
    async with platform.running() as service:
        await platform.send(make_pack(0, START + 30_000, (make_trade(START + 1),)))
        await platform.settle()
        platform.documents.fail("load_document", *away(1_000))
        for _ in range(LEASE // 1_000):
            await platform.settle(1_000)
        assert platform.waiting() == (1, 0), "whoever holds the lease next has them"
        assert service.health().detail == "the store is away; start it"
        platform.documents.mend()
        await platform.settle(LEASE // 40)
        assert platform.waiting() == (0, 1)
        await platform.send(make_pack(1, START + MINUTE + 500, prior_event_time=START + 1))
        await platform.settle()
        assert [(candle.complete, candle.trades) for candle in await platform.candles()] == [(True, 1)]


async def test_an_outage_that_cost_the_lease_is_forgotten_by_one_that_stands_by(platform):
    async with platform.running() as loser:
        platform.store.fail("write", *away(1_000))
        platform.documents.fail("load_document", *away(1_000))
        await platform.send(make_pack(0, START + MINUTE + 500, (make_trade(START + 1),)))
        for _ in range(LEASE // 1_000 - 1):
            await platform.settle(1_000)
        assert loser.health().status is HealthStatus.DEGRADED
        stranger = Lease(platform.store._inner, f"aggregator/{QUEUE}", "two", platform.clock, millis=LEASE)
        await platform.settle(1_000)
        await stranger.acquire()
        platform.documents.mend()
        await platform.settle(LEASE // 40)
        health = loser.health()
        assert (health.status, health.facts["lease"].endswith("stands by")) == (HealthStatus.OK, True)


async def test_it_works_at_once_where_nobody_else_does_and_ends_while_it_stands_by(platform):
    async with platform.running():
        await platform.send(make_pack(0, START + 1_000))
        await platform.settle()
        assert platform.waiting() == (0, 1), "no time has passed"
        async with platform.running():
            await platform.settle(LEASE // 2)
        assert platform.waiting() == (0, 1), "one that stands by has nothing to give back"


async def test_too_many_bad_packs_end_it(platform):
    service = platform.service()
    running = asyncio.create_task(service.run())
    await spin()
    await platform.memory.publish(TRADES.topic, [Message(b"{", {"type": "trades", "version": "1"})] * (MOST + 1))
    with pytest.RaisesGroup(pytest.RaisesExc(InvariantViolation, match="does every service run the same version")):
        await asyncio.wait_for(running, 5)
    async with platform.running() as other:
        assert other.health().facts["lease"] == "ours"


def test_times_that_contradict_each_other_are_refused_before_anything_runs():
    with pytest.raises(ConfigurationError, match="patience"):
        Platform().service(patience=1)
