"""The backfiller as its host sees it: warm after the start, healing while it runs, honest about its neighbours."""

import asyncio
from contextlib import asynccontextmanager, suppress

from services.backfiller import service
from shared.errors import Refused, Unavailable
from shared.messages.catalog import CANDLES, subscription
from shared.runtime.service import HealthStatus
from tests.makers import MINUTE, SYMBOL
from tests.services.backfiller.parts import NOW, World, broken

MINE = subscription(CANDLES, "backfiller")


def backfiller(world: World, *symbols: str):
    return service.create(
        history=world.history,
        store=world.store,
        bus=world.bus,
        clock=world.clock,
        symbols=symbols or (SYMBOL,),
        warm_up=50,
    )


@asynccontextmanager
async def running(made):
    task = asyncio.create_task(made.run())
    try:
        yield
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
