"""Trade packs in, the same packs out, some of them late by market time; what reached the aggregator is counted."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from shared.adapters.bus.memory import MemoryBus, MemorySubscription
from shared.domain.trade import TradePack
from shared.messages.catalog import TRADES
from shared.messages.codec import decode
from shared.ports import Delivery, Message

_LONGEST_REORDER = 5_000  # ms of market time


@dataclass(frozen=True, slots=True)
class Lateness:
    """How badly trade packs are late. No pack is lost.

    Attributes:
        reorder: Share of packs that are held back for up to 5 s of market time.
        delay: Share of packs that are held back for `delay_millis` of market time.
        delay_millis: See above.
        seed: Of the choice.
    """

    reorder: float
    delay: float
    delay_millis: int
    seed: int


class CountedSubscription:
    """A subscription whose trades are counted as they are delivered."""

    def __init__(self, subscription: MemorySubscription, trades: Mapping[str, int]) -> None:
        self._subscription = subscription
        self._trades = trades
        self.ack = subscription.ack
        self.nack = subscription.nack
        self.reject = subscription.reject
        self.release = subscription.release
        self.delivered = 0

    async def pull(self, limit: int = 100) -> list[Delivery]:
        """See `Subscription.pull`."""
        deliveries = await self._subscription.pull(limit)
        self.delivered += sum(self._trades[delivery.message.attributes["id"]] for delivery in deliveries)
        return deliveries


class DisturbedBus:
    """Memory buses, whose own disturbance goes by messages, with lateness of trade packs that goes by market time.

    A pack that is held back leaves before the first pack whose watermark is so far past its own: then it is so late by
    event time, whatever the machine does meanwhile.

    Args:
        packs: Carries trade packs.
        others: Carries everything else.
        lateness: Of trade packs.
    """

    def __init__(self, packs: MemoryBus, others: MemoryBus, lateness: Lateness) -> None:
        self._packs = packs
        self._others = others
        self._lateness = lateness
        self._random = Random(f"{lateness.seed}/late")  # noqa: S311 - disorder for tests, not a secret
        self._held: list[tuple[int, int, Message]] = []
        self._trades: dict[str, int] = {}
        self._counted: list[CountedSubscription] = []
        self._held_ever = 0
        self.delayed = 0

    @property
    def received(self) -> int:
        """Trades delivered so far, each as often as it came."""
        return sum(subscription.delivered for subscription in self._counted)

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """See `Bus.publish`."""
        if topic != TRADES.topic:
            await self._others.publish(topic, messages)
            return
        for message in messages:
            pack = decode(message)
            if isinstance(pack, TradePack):
                await self._pass(message, pack)

    async def subscribe(self, topic: str, subscription: str) -> MemorySubscription | CountedSubscription:
        """See `Bus.subscribe`."""
        if topic != TRADES.topic:
            return await self._others.subscribe(topic, subscription)
        counted = CountedSubscription(await self._packs.subscribe(topic, subscription), self._trades)
        self._counted.append(counted)
        return counted

    async def idle(self, topic: str, subscription: str) -> None:
        """See `MemoryBus.idle`."""
        await (self._packs if topic == TRADES.topic else self._others).idle(topic, subscription)

    async def close(self) -> None:
        """See `Bus.close`."""
        await self._packs.close()
        await self._others.close()

    async def let_go(self, before: int | None = None) -> None:
        """Send what is held and due before this market time (ms UTC); all of it without one."""
        while self._held and (before is None or self._held[0][0] <= before):
            await self._packs.publish(TRADES.topic, [heapq.heappop(self._held)[2]])

    async def _pass(self, message: Message, pack: TradePack) -> None:
        self._trades[message.attributes["id"]] = len(pack.trades)
        await self.let_go(pack.watermark)
        if wait := self._wait():
            self._held_ever += 1
            heapq.heappush(self._held, (pack.watermark + wait, self._held_ever, message))
        else:
            await self._packs.publish(TRADES.topic, [message])

    def _wait(self) -> int:
        """How long the next pack is held back, ms of market time."""
        if self._random.random() < self._lateness.delay:
            self.delayed += 1
            return self._lateness.delay_millis
        reordered = self._random.random() < self._lateness.reorder
        return self._random.randint(1, _LONGEST_REORDER) if reordered else 0
