"""The backfiller as its host sees it: warm after the start, healing while it runs, honest about its neighbours."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from services.backfiller import service
from shared.domain.candle import OpenMode
from shared.errors import InvariantViolation, Refused, Unavailable
from shared.messages.catalog import CANDLES, subscription
from shared.ports import Message
from shared.runtime.service import HealthStatus
from tests.makers import MINUTE, START, SYMBOL, make_candle
from tests.services.backfiller.parts import NOW, World, broken

MINE = subscription(CANDLES, "backfiller")


def backfiller(world: World, *symbols: str, audit_every: int = 60_000):
    return service.create(
        history=world.history,
        store=world.store,
        documents=world.store,
        bus=world.bus,
        clock=world.clock,
        symbols=symbols or (SYMBOL,),
        open_mode=OpenMode.PREVIOUS_CLOSE,
        counts_marked=True,
        warm_up=50,
        audit_every=audit_every,
    )


@asynccontextmanager
async def running(made):
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def eventually(world: World, condition) -> None:
    """Let market time pass, a second at a time, until `condition` holds."""
    async with asyncio.timeout(5):
        while not condition():
            world.clock.advance_to(world.clock.now() + 1_000)
            for _ in range(20):
                await asyncio.sleep(0)


async def test_it_warms_up_heals_and_acknowledges():
    world = World()
    made = backfiller(world)
    assert made.health().status is HealthStatus.STARTING
    async with running(made):
        await eventually(world, lambda: made.health().status is HealthStatus.OK)
        assert set(await world.stored()) == set(range(50, 100))
        await world.tell(broken(100))
        await eventually(world, lambda: made.health().facts["healed"] == 1)
        await eventually(world, lambda: world.left(MINE) == 0)
    assert (await world.stored())[100].complete


async def test_an_outage_of_the_venue_is_degraded_and_mends_itself():
    world = World()
    world.history.error = Unavailable("cannot reach https://x", retry_after=7_000)
    made = backfiller(world)
    async with running(made):
        await eventually(world, lambda: made.health().status is HealthStatus.DEGRADED)
        assert made.health().detail == "history waits: cannot reach https://x"
        calls = len(world.history.calls)
        world.clock.advance_to(world.clock.now() + 6_000)
        await asyncio.sleep(0)
        assert len(world.history.calls) == calls
        world.history.error = None
        await eventually(world, lambda: made.health().status is HealthStatus.OK)


async def test_a_refusal_is_degraded_with_the_venues_words():
    world = World()
    world.history.error = Refused("HTTP 403: the exchange does not serve this region", "region")
    made = backfiller(world)
    async with running(made):
        await eventually(world, lambda: made.health().status is HealthStatus.DEGRADED)
        assert made.health().detail == f"{SYMBOL}: HTTP 403: the exchange does not serve this region"


async def test_what_is_not_healed_goes_back_to_the_bus_when_it_stops():
    world = World()
    made = backfiller(world)
    async with running(made):
        await eventually(world, lambda: made.health().status is HealthStatus.OK)
        world.history.error = Unavailable("away")
        await world.tell(broken(NOW // MINUTE))
        await eventually(world, lambda: made.health().facts["waiting"] == 1)
    backlog = world.bus.backlog(CANDLES.topic, MINE)
    assert (backlog.queued, backlog.held) == (1, 0)


async def test_a_subscription_that_dies_is_opened_anew_and_nothing_it_held_is_lost(monkeypatch):
    world = World()
    opened = []
    subscribe = world.bus.subscribe

    async def remember(*args):
        opened.append(await subscribe(*args))
        return opened[-1]

    monkeypatch.setattr(world.bus, "subscribe", remember)
    made = backfiller(world)
    async with running(made):
        await eventually(world, lambda: made.health().status is HealthStatus.OK)
        world.history.error = Unavailable("away")
        await world.tell(broken(100))
        await eventually(world, lambda: made.health().facts["waiting"] == 1)
        await opened[0].release()
        await eventually(world, lambda: len(opened) == 2)
        world.history.error = None
        await eventually(world, lambda: made.health().facts["healed"] == 1)
        await eventually(world, lambda: world.left(MINE) == 0)
        await eventually(world, lambda: made.health().status is HealthStatus.OK)
    assert (await world.stored())[100].complete


async def test_a_bus_that_stays_away_is_degraded(monkeypatch):
    world = World()
    made = backfiller(world)
    async with running(made):
        await eventually(world, lambda: made.health().status is HealthStatus.OK)

        async def away(*_):
            raise Unavailable("the bus is down")

        monkeypatch.setattr(world.bus, "subscribe", away)
        for view in tuple(world.bus._views):
            await view.release()
        await eventually(world, lambda: made.health().detail == "intake waits: the bus is down")
        assert made.health().status is HealthStatus.DEGRADED


async def test_messages_nobody_can_read_end_it():
    world = World()
    made = backfiller(world)
    await (await world.bus.subscribe(CANDLES.topic, MINE)).release()
    await world.bus.publish(CANDLES.topic, [Message(b"?")] * 150)
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(5):
            await made.run()
    assert caught.group_contains(InvariantViolation)


async def test_candles_of_ours_are_audited_and_the_parity_is_a_fact():
    world = World()
    made = backfiller(world)
    ours = [make_candle(START + n * MINUTE, close="7") for n in range(50, 100)]
    await world.store.write([*ours[:-1], make_candle(NOW - MINUTE, close="7", quantity="2")])
    async with running(made):
        await eventually(world, lambda: made.health().facts["surplus"] == 1)
    assert made.health().facts["parity"] == "98.00 % of 50"
    assert made.health().facts["mismatch"] == 0
    assert len(await world.store.documents("audit", 10)) == 1


async def test_an_audit_that_is_switched_off_asks_nothing_and_says_nothing():
    world = World()
    made = backfiller(world, audit_every=0)
    await world.store.write([make_candle(START + n * MINUTE, close="7") for n in range(50, 100)])
    async with running(made):
        await eventually(world, lambda: world.clock.now() > NOW + 2 * MINUTE)
    assert world.history.calls == []
    assert "parity" not in made.health().facts
