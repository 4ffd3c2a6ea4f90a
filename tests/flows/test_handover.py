"""Aggregators as processes of their own on Google's emulators: however one follows another, the candles are equal."""

import asyncio
import json
import random
import signal
import time
import urllib.request
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from services.wiring import Wiring
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.engine.offline_packs import offline_packs
from shared.messages import catalog
from shared.messages.codec import encode
from shared.runtime.settings import load
from tests.adapters.contract import bigtable_emulator, pubsub_emulator
from tests.flows.processes import running
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, make_trade

MINUTES = 8
PACKS_A_MINUTE = 4
TRADES_A_PACK = 250
TRADES = MINUTES * PACKS_A_MINUTE * TRADES_A_PACK
QUEUE = catalog.subscription(catalog.TRADES, "aggregator")
INSTRUMENT = Instrument(EXCHANGE, SYMBOL)
SETTINGS = """
symbols = ["{symbol}"]
exchange = "{exchange}"
bus = "{bus}"
store = "{store}"
[aggregator]
lease_millis = {lease_millis}
patience = 3600000
retention = 7200000
[page]
port = 0
"""
ON_EMULATORS = """
[pubsub_bus]
project = "{project}"
emulator_host = "{pubsub}"
lease_seconds = 2
extend_seconds = 0.5
pull_seconds = 0.3
[bigtable_store]
instance = "{project}"
emulator_host = "{bigtable}"
"""


def market():
    """Packs of some minutes of trades, every minute in several packs, and a trade behind them; the same each time."""
    chance = random.Random(4)  # noqa: S311 - a repeatable market, not a secret
    price, trades = Decimal(100), []
    for number in range(TRADES + 1):
        price += Decimal(chance.randint(-5, 5)) / 100
        event_time = START + number * MINUTES * MINUTE // TRADES
        trades.append(make_trade(event_time, str(price), str(chance.randint(1, 9)), trade_id=str(number)))
    return list(offline_packs(trades, exchange=EXCHANGE, symbol=SYMBOL, timeframe=Timeframe.M1, lag=1_000))


PACKS = market()
MIDDLE = len(PACKS) // 2 + PACKS_A_MINUTE // 2  # inside a minute


class World:
    """A bus and a store, seen from outside the aggregators."""

    def __init__(self, wiring, folder) -> None:
        self._wiring = wiring
        self.folder = folder

    async def open(self):
        """Create the subscription, so that nothing is published in vain, and the candle the market goes on from."""
        view = await self._wiring.bus.subscribe(catalog.TRADES.topic, QUEUE)
        await view.release()
        await self._wiring.store.write([make_candle(START - 2 * MINUTE)])  # the packs begin a minute early

    async def publish(self, packs):
        messages = [encode(catalog.TRADES, pack, message_id=f"{pack.run_id}/{pack.seq}") for pack in packs]
        await self._wiring.bus.publish(catalog.TRADES.topic, messages)

    async def candles(self):
        """The market's candles so far."""
        return await self._wiring.store.read(INSTRUMENT, Timeframe.M1, START, START + MINUTES * MINUTE)

    async def stored(self, count, seconds=25):
        """Return when so many candles are stored; how long that took."""
        began = time.monotonic()
        async with asyncio.timeout(seconds):
            while len(await self.candles()) < count:  # noqa: ASYNC110 - another process stores them, and says nothing
                await asyncio.sleep(0.02)
        return time.monotonic() - began


@asynccontextmanager
async def world(folder, lease_millis=1_000):
    project = pubsub_emulator.project(folder)
    values = {"symbol": SYMBOL, "exchange": EXCHANGE, "lease_millis": lease_millis, "project": project}
    values |= {"pubsub": pubsub_emulator.shared_host(), "bigtable": bigtable_emulator.session().address}
    settings = folder / "tracker.toml"
    settings.write_text((SETTINGS + ON_EMULATORS).format(bus="pubsub", store="bigtable", **values))
    wiring = Wiring(load(settings, {}))
    try:
        there = World(wiring, folder)
        await there.open()
        yield there
    finally:
        await wiring.close()


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """The candles of one aggregator inside this process, which nobody disturbs."""

    async def run():
        settings = tmp_path_factory.mktemp("calm") / "tracker.toml"
        values = {"symbol": SYMBOL, "exchange": EXCHANGE, "lease_millis": 10_000}
        settings.write_text(SETTINGS.format(bus="memory", store="memory", **values))
        wiring = Wiring(load(settings, {}))
        here = World(wiring, settings.parent)
        await here.open()
        (aggregator,) = wiring.services(["aggregator"])
        working = asyncio.create_task(aggregator.run())
        await here.publish(PACKS)
        await here.stored(MINUTES)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return await here.candles()

    candles = asyncio.run(run())
    assert [candle.complete for candle in candles] == [True] * MINUTES
    assert sum(candle.trades for candle in candles) == TRADES
    return candles


def lease_of(process, page="health"):
    """What an aggregator says about its lease; None while the page does not answer, or not with 200."""
    address = process.address("health and metrics")
    try:
        with urllib.request.urlopen(f"{address}/{page}", timeout=5) as answer:  # noqa: S310 - an address of our own
            return json.load(answer)["services"]["aggregator"]["facts"]["lease"]
    except (OSError, ValueError):
        return None


def stands_by(process):
    """Whether it waits for another, and counts as ready."""
    return "this one stands by" in (lease_of(process, "ready") or "")


async def until(process, condition):
    await asyncio.to_thread(process.wait_for, condition)


async def test_of_two_that_start_at_once_one_works_and_the_other_is_ready(tmp_path, calm):
    async with world(tmp_path) as there:
        await there.publish(PACKS[:MIDDLE])
        with running(tmp_path, "run", "aggregator") as one, running(tmp_path, "run", "aggregator") as two:
            await until(one, lambda: stands_by(one) or stands_by(two))
            await there.publish(PACKS[MIDDLE:])
            await there.stored(MINUTES)
            await until(one, lambda: sorted([lease_of(one) == "ours", lease_of(two) == "ours"]) == [False, True])
            assert stands_by(one) or stands_by(two)
        assert await there.candles() == calm


async def test_a_successor_goes_on_in_the_middle_of_a_minute_when_its_predecessor_is_asked_to_end(tmp_path, calm):
    async with world(tmp_path, lease_millis=30_000) as there:
        with running(tmp_path, "run", "aggregator") as old:
            await there.publish(PACKS[:MIDDLE])
            await there.stored(MINUTES // 2)
            with running(tmp_path, "run", "aggregator") as new:
                await until(new, lambda: stands_by(new))
                ending = asyncio.create_task(asyncio.to_thread(old.end, signal.SIGTERM))
                await there.publish(PACKS[MIDDLE:])
                assert await there.stored(MINUTES) < 10, "it need not wait for the end of the lease"
                assert lease_of(new) == "ours"
                code, seconds = await ending
                assert (code, seconds < 8) == (0, True), old.stderr
        assert await there.candles() == calm


async def test_one_that_is_killed_is_succeeded_when_its_lease_ends(tmp_path, calm):
    async with world(tmp_path) as there:
        with running(tmp_path, "run", "aggregator") as old:
            await there.publish(PACKS[:MIDDLE])
            await there.stored(MINUTES // 2)
            with running(tmp_path, "run", "aggregator") as new:
                await until(new, lambda: stands_by(new))
                await asyncio.to_thread(old.end, signal.SIGKILL)
                # What is published while the dead one's last pull is open is the broker's for its shortest lease, 10 s.
                await until(new, lambda: lease_of(new) == "ours")
                await there.publish(PACKS[MIDDLE:])
                await there.stored(MINUTES)
        assert await there.candles() == calm
