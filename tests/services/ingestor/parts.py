"""Stand-ins for the ingestor's tests: a feed that says what it is told, a bus that can be away."""

import asyncio

from shared.adapters.bus import memory
from shared.adapters.clock.system import SystemClock
from shared.domain.feed import FeedConnected, FeedTrades
from shared.domain.trade import TradePack
from shared.errors import Unavailable
from shared.messages.catalog import TRADES
from shared.messages.codec import decode
from shared.ports import Message
from tests.makers import EXCHANGE, START, make_trade

SYMBOLS = ("BTCUSDT", "ETHUSDT")


class ScriptedFeed:
    """Events are put in by the test."""

    exchange = EXCHANGE

    def __init__(self) -> None:
        self.queue: asyncio.Queue = asyncio.Queue()
        self.asked: tuple[str, ...] = ()

    async def events(self, symbols):
        self.asked = tuple(symbols)
        while True:
            yield await self.queue.get()

    def say(self, *events) -> None:
        for event in events:
            self.queue.put_nowait(event)


class FlakyBus:
    """A memory bus that is away while `away` is set."""

    def __init__(self) -> None:
        self._bus = memory.create(memory.Options(), SystemClock())
        self.away = False
        self.held: asyncio.Event | None = None  # publishing waits for it, as when consumers are far behind
        self.messages: list[Message] = []
        self.arrived = asyncio.Event()
        self.refused = asyncio.Event()

    async def publish(self, topic, messages):
        if self.away:
            self.refused.set()
            raise Unavailable("the bus is down", retry_after=1)
        assert topic == TRADES.topic
        if self.held is not None:
            await self.held.wait()
        self.messages += messages
        self.arrived.set()
        await self._bus.publish(topic, messages)

    @property
    def packs(self) -> list[TradePack]:
        return [decode(message) for message in self.messages]

    async def until(self, count: int) -> list[TradePack]:
        """The packs, once trades in them number `count`."""
        async with asyncio.timeout(5):
            while sum(len(pack.trades) for pack in self.packs) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.packs


async def eventually(condition) -> None:
    """Return once `condition` holds; what the ingestor has only noted gives no sign that could be awaited."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


def connected(covered_from: int = START, **fields) -> FeedConnected:
    return FeedConnected(fields.pop("symbols", SYMBOLS), fields.pop("refused", {}), covered_from)


def trades(*times: int, **fields) -> FeedTrades:
    made = tuple(make_trade(time, trade_id=str(time), **fields) for time in times)
    return FeedTrades(made, max(times) + 1, max(times) + 2)
