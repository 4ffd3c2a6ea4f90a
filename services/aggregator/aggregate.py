"""Deliveries of trade packs in; candles in the store and on the bus, then acknowledgements, out.

The order of effects is write, publish, acknowledge. An effect that the outside world cannot take now is repeated as it
is: the builder is never asked again, and nothing more is pulled meanwhile.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.candle import Candle, CandleSource
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.domain.trade import TradePack
from shared.engine.candle_builder import BuilderStats, CandleBuilder
from shared.errors import InvalidMessage
from shared.messages.catalog import CANDLES, TRADES
from shared.messages.codec import decode, encode
from shared.ports import Bus, CandleStore, Clock, Delivery, Message, Subscription
from shared.runtime import metrics
from shared.runtime.persistence import Persistence
from shared.runtime.rejections import Rejections

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """A pack that is not acknowledged until the shard is closed through `last_minute` (ms UTC)."""

    delivery: Delivery
    shard: int
    last_minute: int


class Aggregation:
    """Carries out what the builder decides, for one opened subscription.

    Attributes:
        closed: Candles closed so far.
        incomplete: Of these, candles that were incomplete when they closed.
    """

    def __init__(
        self,
        *,
        builder: CandleBuilder,
        subscription: Subscription,
        bus: Bus,
        store: CandleStore,
        clock: Clock,
        persistence: Persistence,
        exchange: str,
        memory: int,
    ) -> None:
        self._builder = builder
        self._subscription = subscription
        self._bus = bus
        self._store = store
        self._clock = clock
        self._persistence = persistence
        self._exchange = exchange
        self._memory = memory
        self._rejections = Rejections(TRADES.topic)
        self._held: list[_Held] = []
        self._counted = builder.stats
        self.closed = 0
        self.incomplete = 0

    @property
    def held(self) -> int:
        """Packs not yet acknowledged."""
        return len(self._held)

    async def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Fold the packs, make the candles durable and known, acknowledge what is finished with."""
        candles: list[Candle] = []
        for delivery in deliveries:
            candles += await self._fold(delivery)
            await asyncio.sleep(0)  # a large backlog may not hold the event loop
        if candles:
            await self._carry_out(candles)
        await self._acknowledge()
        self._count()

    async def _fold(self, delivery: Delivery) -> list[Candle]:
        """What the builder makes of a delivery; one that cannot be understood is rejected."""
        try:
            pack = _pack_in(delivery.message)
            await self._seed(pack)
            candles = self._builder.on_pack(pack)
        except InvalidMessage as error:
            reason = str(error)
            await self._persistence.insist(lambda: self._rejections.reject(self._subscription, delivery, reason))
            return []
        self._rejections.accepted()
        self._held.append(_Held(delivery, pack.shard, self._builder.last_minute(pack)))
        return candles

    async def _seed(self, pack: TradePack) -> None:
        """Tell the builder, before its first pack of a symbol, where the predecessor's candles end.

        Only a complete candle that the pack goes on from says so, and only within the builder's own memory: what lies
        further back is history, which the backfiller fetches. The predecessor may have died between writing its newest
        candle and publishing it, so that one is published (perhaps again; consumers are idempotent).
        """
        met = {*pack.symbols, *(trade.symbol for trade in pack.trades)}
        fresh = sorted(symbol for symbol in met if not self._builder.knows(symbol))
        if not fresh:
            return
        instruments = [Instrument(self._exchange, symbol) for symbol in fresh]
        latest = await self._persistence.insist(lambda: self._store.read_latest(instruments, Timeframe.M1, 1))
        minute = self._builder.last_minute(pack)
        newest = [candles[-1] for candles in latest.values() if candles]
        recent = [candle for candle in newest if minute - candle.open_time <= self._memory]
        for candle in recent:
            if candle.complete and candle.open_time < minute:
                self._builder.seed(candle.symbol, candle.open_time, candle.close)
        await self._publish([candle for candle in recent if candle.source is CandleSource.TRADES])

    async def _carry_out(self, candles: Sequence[Candle]) -> None:
        await self._publish(await self._persistence.insist(lambda: self._store.write(candles)))
        now = self._clock.now()
        for candle in candles:
            if candle.revision == 0:
                metrics.CANDLES_CLOSED.labels(str(candle.complete).lower()).inc()
                metrics.CLOSE_DELAY.observe(max(0, now - candle.close_time) / 1000)
                self.closed += 1
                self.incomplete += not candle.complete
            else:
                metrics.CANDLES_REVISED.inc()
            if not candle.complete:
                logger.info(
                    "candle incomplete",
                    extra={"symbol": candle.symbol, "open_time": candle.open_time, "revision": candle.revision},
                )

    async def _publish(self, candles: Sequence[Candle]) -> None:
        if candles:
            messages = [_message(candle) for candle in candles]
            await self._persistence.insist(lambda: self._bus.publish(CANDLES.topic, messages))

    async def _acknowledge(self) -> None:
        """Let go of packs that no open minute needs."""
        closed = {held.shard: self._builder.closed_through(held.shard) for held in self._held}
        done = [held.delivery for held in self._held if held.last_minute < closed[held.shard]]
        if done:
            await self._persistence.insist(lambda: self._subscription.ack(done))
            self._held = [held for held in self._held if held.last_minute >= closed[held.shard]]
        metrics.PACKS_HELD.set(len(self._held))

    def _count(self) -> None:
        """Hand the builder's counts on to the metrics."""
        before, now = self._counted, self._builder.stats
        self._counted = now
        metrics.TRADES_DUPLICATE.inc(now.duplicates - before.duplicates)
        metrics.TRADES_LATE.labels("revised").inc(now.late - before.late)
        metrics.TRADES_LATE.labels("lost").inc(now.lost - before.lost)
        metrics.TRADES_LATE.labels("closed_elsewhere").inc(now.closed_elsewhere - before.closed_elsewhere)
        if now.lost > before.lost:
            _warn_of_loss(now)


def _warn_of_loss(stats: BuilderStats) -> None:
    symbol, open_time, trades = stats.lost_in[-1]
    logger.warning(
        "trades older than the aggregator's memory; the exchange's own candles have them",
        extra={"symbol": symbol, "open_time": open_time, "trades": trades, "lost_so_far": stats.lost},
    )


def _pack_in(message: Message) -> TradePack:
    pack = decode(message)
    if not isinstance(pack, TradePack):
        raise InvalidMessage(f"a {type(pack).__name__} came on the topic of trade packs")
    return pack


def _message(candle: Candle) -> Message:
    place = f"{candle.exchange}/{candle.symbol}/{candle.timeframe}/{candle.open_time}"
    return encode(CANDLES, candle, message_id=f"{place}/{candle.revision}/{candle.complete:d}")
