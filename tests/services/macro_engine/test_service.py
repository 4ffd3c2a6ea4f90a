"""The macro engine as its host sees it: a round behind the end of every candle, and an honest word on its health."""

import asyncio
from contextlib import asynccontextmanager, suppress

from services.macro_engine import service
from shared.errors import Unavailable
from shared.runtime.service import HealthStatus
from tests.engine.macro_markets import FIVE
from tests.makers import START
from tests.services.macro_engine.parts import World, listen, told

DELAY = 5_000


@asynccontextmanager
async def running(made):
    task = asyncio.create_task(made.run())
    try:
        await settle()
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def settle():
    for _ in range(30):
        await asyncio.sleep(0)


async def at(world, time):
    world.clock.advance_to(time)
    await settle()


def engine(world, **options):
    return service.create(work=world.round(**options), clock=world.clock, delay=DELAY)


async def test_it_judges_at_the_start_and_then_behind_the_end_of_every_candle():
    world = World(symbols=("BTCUSDT",))
    source = await listen(world)
    async with running(engine(world)):
        await at(world, START + FIVE + DELAY - 1)
        assert [bias.time for bias in await told(source)] == [START]
        await at(world, START + FIVE + DELAY)
        await at(world, START + 2 * FIVE + DELAY)
        assert [bias.time for bias in await told(source)] == [START + FIVE, START + 2 * FIVE]


async def test_it_is_starting_then_well():
    world = World()
    made = engine(world)
    assert (made.health().status, made.health().detail) == (HealthStatus.STARTING, "no round yet")
    async with running(made):
        assert made.health().status is HealthStatus.OK
        assert made.health().facts == {
            "published": 2, "bias_time": START, "by_venue": 2, "by_own_candles": 0, "unlisted": "",
        }  # fmt: skip


async def test_an_outage_of_the_venue_is_degraded_and_mends_itself():
    world = World(symbols=("BTCUSDT",))
    await world.fill_store("BTCUSDT")
    made = engine(world)
    world.venue.errors[""] = Unavailable("cannot reach https://kraken")
    async with running(made):
        assert (made.health().status, made.health().detail) == (HealthStatus.DEGRADED, "cannot reach https://kraken")
        assert made.health().facts["by_own_candles"] == 1
        world.venue.errors.clear()
        await at(world, START + FIVE + DELAY)
        assert made.health().status is HealthStatus.OK


async def test_a_symbol_without_enough_history_is_waited_for_and_named():
    world = World(symbols=("BTCUSDT",))
    made = engine(world, venue=False)
    async with running(made):
        assert made.health().status is HealthStatus.STARTING
        assert made.health().detail == "BTCUSDT has no bias: 5-minute candles are missing: 288 of bybit-linear"


async def test_an_outage_of_the_bus_is_waited_out_and_the_newest_candle_is_judged_then():
    world = World(symbols=("BTCUSDT",))
    source = await listen(world)
    publish, made = world.bus.publish, engine(world)

    async def away(*_):
        raise Unavailable("the bus is away")

    world.bus.publish = away
    async with running(made):
        assert (made.health().status, made.health().detail) == (HealthStatus.DEGRADED, "waits: the bus is away")
        world.bus.publish = publish
        await at(world, START + FIVE + 1)
        assert [bias.time for bias in await told(source)] == [START + FIVE]
        assert made.health().status is HealthStatus.OK
