"""Feed events in, packs on the bus out: in order, again and again until the bus has them, within a bound of memory."""

import asyncio
import logging
from collections import deque
from itertools import islice

from shared.domain.feed import FeedAlive, FeedConnected, FeedDisconnected, FeedEvent, FeedTrades
from shared.domain.trade import TradePack
from shared.engine.packer import Packer
from shared.messages.catalog import TRADES
from shared.messages.codec import encode
from shared.ports import Bus, Clock, Message
from shared.runtime import metrics
from shared.runtime.persistence import Persistence

logger = logging.getLogger(__name__)

_BATCH = 20  # packs in one call of the bus: 5 MB at most
_LAST_WORDS = 5.0  # seconds for what is in hand when the service is told to stop


class PackLine:
    """Publishes what the packer makes. While the bus is away trades wait here; beyond the bound the run ends.

    Args:
        packer: Decides what is packed when.
        bus: Where packs go.
        exchange: Label of the metrics.
        run_prefix: Unique for this process, for ever; the runs are numbered behind it.
        clock: For pauses, and its seconds that never go back.
        most_waiting: Trades kept while the bus is away, about 600 bytes each.
    """

    def __init__(
        self,
        *,
        packer: Packer,
        bus: Bus,
        exchange: str,
        run_prefix: str,
        clock: Clock,
        most_waiting: int,
    ) -> None:
        self._packer = packer
        self._bus = bus
        self._exchange = exchange
        self._run_prefix = run_prefix
        self._now = clock.monotonic
        self._persistence = Persistence(clock, longest=5_000)
        self._most_waiting = most_waiting
        self._news = asyncio.Event()
        self._packs: deque[TradePack] = deque()
        self._asked_at: float | None = None
        self.runs = 0
        self.published = 0
        self.lost = 0
        """Trades given up because the bus was away too long; the candles they belong to are incomplete."""

    @property
    def waiting(self) -> int:
        """Trades that are not on the bus yet."""
        return self._packer.waiting + sum(len(pack.trades) for pack in self._packs)

    @property
    def trouble(self) -> str:
        """Why packs wait, in one line; empty while the bus takes them."""
        return self._persistence.trouble

    @property
    def stalled(self) -> float:
        """Seconds for which the bus has been holding us up, by errors or because its consumers are behind."""
        return 0.0 if self._asked_at is None else self._now() - self._asked_at

    def take(self, event: FeedEvent) -> None:
        """Note what happened on the feed; never waits."""
        match event:
            case FeedConnected():
                self._packer.connected(event, self._new_run())
            case FeedTrades():
                self._packer.trades(event, self._now())
                if self._packer.waiting > self._most_waiting // 2:
                    self._give_up_waiting()
            case FeedAlive():
                self._packer.alive(event)
            case FeedDisconnected():
                if self.waiting > self._most_waiting:
                    self._give_up_waiting()
                self._packs.extend(self._packer.disconnected(self._now()))
        self._news.set()

    def _new_run(self) -> str:
        self.runs += 1
        return f"{self._run_prefix}-{self.runs}"

    def _give_up_waiting(self) -> None:
        lost = self._packer.restart(self._new_run())
        self.lost += lost
        logger.error("trades given up: the bus is away too long", extra={"trades": lost, "bus": self.trouble})

    async def publish_forever(self) -> None:
        """Publish what is due until cancelled. What was not published then is still in hand for `finish`."""
        while True:
            await self._until_due()
            self._packs.extend(self._packer.flush(self._now()))
            await self._publish()

    async def finish(self) -> None:
        """The feed has ended: publish what is in hand, or say what could not be."""
        self._packs.extend(self._packer.disconnected(self._now()))
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await self._publish()
        except TimeoutError:
            logger.exception("stopped with trades unpublished", extra={"trades": self.waiting, "bus": self.trouble})

    async def _until_due(self) -> None:
        while not self._packs:
            self._news.clear()
            due = self._packer.due()
            rest = None if due is None else due - self._now()
            if rest is not None and rest <= 0:
                return
            try:
                async with asyncio.timeout(rest):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _publish(self) -> None:
        while self._packs:
            batch = list(islice(self._packs, _BATCH))
            await self._insist([_message(pack) for pack in batch])
            for _ in batch:  # only now: a cancellation in between repeats them, which does no harm
                self._packs.popleft()
            self.published += len(batch)
            metrics.PACKS_PUBLISHED.labels(self._exchange).inc(len(batch))

    async def _insist(self, messages: list[Message]) -> None:
        self._asked_at = self._now()
        await self._persistence.insist(lambda: self._bus.publish(TRADES.topic, messages))
        self._asked_at = None


def _message(pack: TradePack) -> Message:
    message_id = f"{pack.run_id}/{pack.shard}/{pack.seq}"
    return encode(TRADES, pack, message_id=message_id, trace=message_id)
