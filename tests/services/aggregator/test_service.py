"""The aggregator as its host sees it: name, health, forming views, a clean end."""

import asyncio

import pytest

from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError, InvariantViolation
from shared.runtime.service import HealthStatus
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_pack, make_trade
from tests.services.aggregator.surroundings import GRACE, Platform, away

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


def test_times_that_contradict_each_other_are_refused_before_anything_runs():
    with pytest.raises(ConfigurationError, match="patience"):
        Platform().service(patience=1)
