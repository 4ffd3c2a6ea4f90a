"""Deliveries of candles in; the incomplete ones healed from the venue, each acknowledged when that is durable."""

import logging
from collections import defaultdict, deque
from dataclasses import dataclass, field

from services.backfiller.filler import Filler
from shared.domain.candle import Candle
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidMessage, Refused
from shared.messages.catalog import CANDLES
from shared.messages.codec import decode
from shared.ports import Clock, Delivery, Subscription
from shared.runtime import metrics
from shared.runtime.rejections import Rejections

logger = logging.getLogger(__name__)

SETTLE_MILLIS = 5_000
"""For so long a minute that is over is left alone: its kline may still lack the last trades."""

_AGAIN_FIRST, _AGAIN_MOST = 2_000, 60_000  # ms
_GIVE_UP = 30 * 60_000  # ms after its end, a minute the venue does not list is taken to be one it never will
_DELAYS_KEPT = 500


@dataclass(slots=True)
class _Wait:
    """An incomplete minute, and the deliveries that spoke of it."""

    ask_at: int
    attempts: int = 0
    deliveries: list[Delivery] = field(default_factory=list)


class Healing:
    """Incomplete candles that wait for the venue. Times are ms UTC."""

    def __init__(self, exchange: str, filler: Filler, clock: Clock) -> None:
        self._exchange = exchange
        self._filler = filler
        self._clock = clock
        self._waiting: dict[str, dict[int, _Wait]] = defaultdict(dict)
        self._rejections = Rejections(CANDLES.topic)
        self._delays: deque[int] = deque(maxlen=_DELAYS_KEPT)
        self.healed = 0

    @property
    def waiting(self) -> int:
        """Minutes not healed yet."""
        return sum(len(waits) for waits in self._waiting.values())

    @property
    def delay_p95(self) -> int:
        """Ms from a minute's end until it was healed, which 95 % of the newest 500 healed minutes did not exceed; 0
        before the first."""
        delays = sorted(self._delays)
        return delays[-(-95 * len(delays) // 100) - 1] if delays else 0

    def forget(self) -> None:
        """The subscription has been released: everything held comes again."""
        self._waiting.clear()

    async def take(self, deliveries: list[Delivery], source: Subscription) -> None:
        """Keep what needs healing; acknowledge all else at once.

        Raises:
            Unavailable: The bus is away; release the subscription, as not everything is kept track of.
            InvariantViolation: Most messages cannot be read.
        """
        done = []
        for delivery in deliveries:
            try:
                candle = decode(delivery.message)
            except InvalidMessage as error:
                await self._rejections.reject(source, delivery, str(error))
                continue
            self._rejections.accepted()
            if not self._is_ours(candle):
                done.append(delivery)
                continue
            settled = candle.close_time + SETTLE_MILLIS
            wait = self._waiting[candle.symbol].setdefault(candle.open_time, _Wait(settled))
            wait.deliveries.append(delivery)
        if done:
            await source.ack(done)

    def _is_ours(self, candle: object) -> bool:
        return (
            isinstance(candle, Candle)
            and not candle.complete
            and candle.exchange == self._exchange
            and candle.timeframe is Timeframe.M1
        )

    async def heal_due(self, source: Subscription) -> None:
        """One round: ask for every minute whose time has come.

        Raises:
            Unavailable: The venue, the store or the bus is away; nothing is lost, the round can be repeated.
        """
        now = self._clock.now()
        for symbol, waits in list(self._waiting.items()):
            due = {open_time: wait for open_time, wait in waits.items() if wait.ask_at <= now}
            if not due:
                continue
            try:
                filled = await self._filler.fill(symbol, sorted(due))
            except Refused as error:
                await self._drop(symbol, due, source, str(error))
                continue
            done = {open_time: wait for open_time, wait in due.items() if open_time in filled.complete}
            await self._filler.publish(symbol, done)
            await self._acknowledge(symbol, done, source)
            await self._ask_again(symbol, {key: wait for key, wait in due.items() if key not in done}, source)

    async def _acknowledge(self, symbol: str, done: dict[int, _Wait], source: Subscription) -> None:
        acked = {open_time: tuple(wait.deliveries) for open_time, wait in done.items()}
        await source.ack([delivery for deliveries in acked.values() for delivery in deliveries])
        now = self._clock.now()
        for open_time, wait in done.items():
            del wait.deliveries[: len(acked[open_time])]
            if wait.deliveries:  # told of again meanwhile: one more round
                continue
            del self._waiting[symbol][open_time]
            delay = max(0, now - open_time - Timeframe.M1.millis)
            self._delays.append(delay)
            metrics.HEAL_DELAY.observe(delay / 1000)
            self.healed += 1

    async def _ask_again(self, symbol: str, absent: dict[int, _Wait], source: Subscription) -> None:
        now = self._clock.now()
        for wait in absent.values():
            wait.attempts += 1
            wait.ask_at = now + min(_AGAIN_MOST, _AGAIN_FIRST << min(wait.attempts - 1, 10))
        late = {key: wait for key, wait in absent.items() if now - key > _GIVE_UP}
        if late:
            await self._drop(symbol, late, source, "the venue has no candle of this minute")

    async def _drop(self, symbol: str, waits: dict[int, _Wait], source: Subscription, reason: str) -> None:
        """Take minutes off the bus. The sweep goes on looking for them, less and less often."""
        logger.warning("minutes stay incomplete", extra={"symbol": symbol, "minutes": len(waits), "reason": reason})
        for open_time, wait in waits.items():
            while wait.deliveries:
                await source.reject(wait.deliveries[0], reason)
                del wait.deliveries[0]
            del self._waiting[symbol][open_time]
