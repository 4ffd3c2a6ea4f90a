"""What stands around an aggregator in tests: real memory bus and store, a clock that stands still, faults on demand."""

import asyncio
import uuid
from contextlib import asynccontextmanager

from services.aggregator.service import create
from shared.adapters.bus import memory as memory_bus
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory as memory_store
from shared.domain.candle import OpenMode
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import Unavailable
from shared.messages.catalog import CANDLES, TRADES, subscription
from shared.messages.codec import decode, encode
from tests.makers import EXCHANGE, START, SYMBOL

GRACE = 500
LEASE = 10_000

QUEUE = subscription(TRADES, "aggregator")
PROBE = subscription(CANDLES, "probe")


class Faulty:
    """Passes calls on to `inner`, but raises the error planned for a method first, once for each time it is planned."""

    def __init__(self, inner):
        self._inner = inner
        self._planned = {}
        self.calls = []

    def fail(self, method, *errors):
        """Plan errors for the next calls."""
        self._planned.setdefault(method, []).extend(errors)

    def mend(self):
        """Plan no more errors."""
        self._planned.clear()

    def __getattr__(self, method):
        async def call(*args):
            self.calls.append(method)
            if self._planned.get(method):
                raise self._planned[method].pop(0)
            return await getattr(self._inner, method)(*args)

        return call


class Platform:
    """A bus, a store and a clock that outlive the aggregators tested on them."""

    def __init__(self):
        self.clock = ManualClock(START)
        self.memory = memory_bus.create(memory_bus.Options(), self.clock)
        self.bus = Faulty(self.memory)
        self.store = Faulty(memory_store.create(memory_store.Options(), self.clock))
        self.documents = Faulty(self.store._inner)

    async def open(self):
        """Create the subscriptions, as a first start would."""
        self.probe = await self.memory.subscribe(CANDLES.topic, PROBE)
        await (await self.memory.subscribe(TRADES.topic, QUEUE)).release()
        return self

    def service(self, **fields):
        """An aggregator on this platform."""
        options = {"grace": GRACE, "patience": 15_000, "retention": 300_000, "forming_every": 3_000}
        options |= {"holder": uuid.uuid4().hex, "lease_millis": LEASE, "documents": self.documents}
        return create(
            bus=self.bus,
            store=self.store,
            clock=self.clock,
            is_gone=lambda _: False,
            machine_clock=self.clock,
            exchange=EXCHANGE,
            **{"open_mode": OpenMode.FIRST_TRADE, **options, **fields},
        )

    async def send(self, *packs):
        """Publish packs as the ingestor does."""
        messages = [encode(TRADES, pack, message_id=f"{pack.run_id}/{pack.seq}") for pack in packs]
        await self.memory.publish(TRADES.topic, messages)

    @asynccontextmanager
    async def running(self, **fields):
        """An aggregator at work; it is cancelled at the end."""
        service = self.service(**fields)
        task = asyncio.create_task(service.run())
        await spin()
        try:
            yield service
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def settle(self, passing=0):
        """Let everything happen that can happen, while `passing` ms go by."""
        await spin()
        self.clock.advance_to(self.clock.now() + passing)
        await spin()

    async def candles(self, symbol=SYMBOL):
        """What the store holds."""
        return await self.store._inner.read(Instrument(EXCHANGE, symbol), Timeframe.M1, 0, START * 2)

    async def published(self):
        """Candles on the bus since the last look, with the ids of their messages."""
        if not self.memory.backlog(CANDLES.topic, PROBE).queued:
            return []
        deliveries = await self.probe.pull(1000)
        await self.probe.ack(deliveries)
        return [(delivery.message.attributes["id"], decode(delivery.message)) for delivery in deliveries]

    def waiting(self):
        """Packs queued or held."""
        backlog = self.memory.backlog(TRADES.topic, QUEUE)
        return backlog.queued, backlog.held


async def spin():
    """Let every ready task of the loop run until all of them wait."""
    for _ in range(300):
        await asyncio.sleep(0)


def away(count=1):
    """So many errors of a system that is away."""
    return [Unavailable("the store is away; start it") for _ in range(count)]
