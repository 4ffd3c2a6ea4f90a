"""Composes the aggregator: trade packs from the bus in; candles, closed and forming, to store and bus out."""

import asyncio
import logging

from services.aggregator.aggregate import Aggregation
from shared.domain.candle import FormingCandle, OpenMode
from shared.engine.candle_builder import CandleBuilder
from shared.errors import Unavailable
from shared.messages.catalog import TRADES, subscription
from shared.ports import Bus, CandleStore, Clock, Subscription
from shared.runtime.persistence import Persistence
from shared.runtime.service import Health, HealthStatus, Service

logger = logging.getLogger(__name__)

_QUIET = 10.0  # seconds; an ingestor that lives sends a watermark every second
_BATCH = 200


class _Aggregator:
    """One aggregator. Each `run` begins with an empty builder: what an earlier one held is delivered again."""

    name = "aggregator"

    def __init__(
        self,
        *,
        bus: Bus,
        store: CandleStore,
        clock: Clock,
        exchange: str,
        open_mode: OpenMode,
        grace: int,
        patience: int,
        retention: int,
        forming_every: int,
    ) -> None:
        self._bus = bus
        self._store = store
        self._clock = clock
        self._exchange = exchange
        self._open_mode = open_mode
        self._grace = grace
        self._patience = patience
        self._retention = retention
        self._forming_every = forming_every
        self._persistence = Persistence(clock)
        self._builder = self._new_builder()
        self._aggregation: Aggregation | None = None
        self._watermark = 0
        self._moved_at = clock.monotonic()

    async def run(self) -> None:
        """Work until cancelled, then hand every pack in hand back to the bus."""
        topic, name = TRADES.topic, subscription(TRADES, "aggregator")
        source = await self._persistence.insist(lambda: self._bus.subscribe(topic, name))
        self._builder = self._new_builder()
        aggregation = self._aggregation = Aggregation(
            builder=self._builder,
            subscription=source,
            bus=self._bus,
            store=self._store,
            clock=self._clock,
            persistence=self._persistence,
            exchange=self._exchange,
            memory=self._patience + self._retention,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._aggregate(source, aggregation))
                group.create_task(self._show_forming())
        finally:
            await _release(source)

    def health(self) -> Health:
        """OK while watermarks move on."""
        silence = self._clock.monotonic() - self._moved_at
        facts = self._facts()
        if self._persistence.trouble:
            return Health(HealthStatus.DEGRADED, self._persistence.trouble, facts)
        if silence > _QUIET:
            detail = f"no new trades or watermarks for {silence:.0f} s; is the ingestor running and connected?"
            return Health(HealthStatus.DEGRADED, detail, facts)
        if not self._watermark:
            return Health(HealthStatus.STARTING, "waiting for the first trades", facts)
        return Health(HealthStatus.OK, "", facts)

    def _new_builder(self) -> CandleBuilder:
        return CandleBuilder(
            exchange=self._exchange,
            open_mode=self._open_mode,
            grace=self._grace,
            patience=self._patience,
            retention=self._retention,
        )

    async def _aggregate(self, source: Subscription, aggregation: Aggregation) -> None:
        while True:
            await aggregation.handle(await self._persistence.insist(lambda: source.pull(_BATCH)))
            watermark = self._builder.watermark()
            if watermark > self._watermark:
                self._watermark, self._moved_at = watermark, self._clock.monotonic()

    async def _show_forming(self) -> None:
        """Write the views of open candles. A view lost to an outage is not repeated: the next one is better."""
        shown: list[FormingCandle] = []
        while True:
            await self._clock.sleep(self._forming_every)
            views = self._builder.forming()
            if views == shown:
                continue
            try:
                await self._store.write_forming(views)
            except Unavailable as error:
                logger.warning("forming candles not shown", extra={"reason": str(error)})
            else:
                shown = views

    def _facts(self) -> dict[str, int | float | str]:
        stats = self._builder.stats
        aggregation = self._aggregation
        return {
            "lag_ms": max(0, self._clock.now() - self._watermark) if self._watermark else 0,
            "packs_held": aggregation.held if aggregation else 0,
            "candles_closed": aggregation.closed if aggregation else 0,
            "candles_incomplete": aggregation.incomplete if aggregation else 0,
            "trades": stats.folded,
            "trades_duplicate": stats.duplicates,
            "trades_late": stats.late,
            "trades_lost": stats.lost,
        }


async def _release(source: Subscription) -> None:
    try:
        await source.release()
    except Unavailable as error:
        logger.warning("packs in hand return when their lease ends", extra={"reason": str(error)})


def create(
    *,
    bus: Bus,
    store: CandleStore,
    clock: Clock,
    exchange: str,
    open_mode: OpenMode,
    grace: int,
    patience: int,
    retention: int,
    forming_every: int,
) -> Service:
    """The aggregator of one exchange.

    Args:
        bus: Where packs come from and candles go.
        store: Where candles are kept.
        clock: Paces forming views and retries; event time alone decides about candles.
        exchange: Venue and product, as packs carry it.
        open_mode: What a candle opens with.
        grace: ms of event time by which a watermark must pass a minute's end to prove it.
        patience: ms of event time after which an unproven minute closes incomplete.
        retention: ms of event time a closed minute stays in memory for late trades.
        forming_every: ms between two writes of forming views.

    Raises:
        ConfigurationError: The times contradict each other.
    """
    return _Aggregator(
        bus=bus,
        store=store,
        clock=clock,
        exchange=exchange,
        open_mode=open_mode,
        grace=grace,
        patience=patience,
        retention=retention,
        forming_every=forming_every,
    )
