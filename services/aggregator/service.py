"""Composes the aggregator: trade packs from the bus in; candles, closed and forming, to store and bus out."""

import asyncio
import logging
from collections.abc import Callable

from services.aggregator.aggregate import Aggregation
from shared.domain.candle import FormingCandle, OpenMode
from shared.engine.candle_builder import CandleBuilder
from shared.errors import Unavailable
from shared.messages.catalog import TRADES, subscription
from shared.ports import Bus, CandleStore, Clock, DocumentStore, Subscription
from shared.runtime import metrics
from shared.runtime.lease import Lease, LeaseLost
from shared.runtime.persistence import Persistence
from shared.runtime.service import Health, HealthStatus, Service

logger = logging.getLogger(__name__)

_QUIET = 10.0  # seconds; an ingestor that lives sends a watermark every second
_BATCH = 200
_SUBSCRIPTION = subscription(TRADES, "aggregator")


class _Aggregator:
    """One aggregator. It works while it holds the lease; with each lease it begins with an empty builder, because what
    an earlier one held is delivered again."""

    name = "aggregator"

    def __init__(
        self,
        *,
        bus: Bus,
        store: CandleStore,
        lease: Lease,
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
        self._lease = lease
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
        """Work whenever no other aggregator does. When cancelled, hand every pack in hand back to the bus, then the
        lease to whoever waits for it."""
        try:
            while True:
                await self._lease.acquire()
                try:
                    await self._work()
                except* LeaseLost:
                    self._persistence = Persistence(self._clock)  # what was away then says nothing of who stands by
        finally:
            await self._lease.release()

    async def _work(self) -> None:
        """Work from the beginning until the lease is lost."""
        self._builder = self._new_builder()
        self._watermark, self._moved_at = 0, self._clock.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lease.keep(), name="lease")
            group.create_task(self._aggregate(), name="aggregate")
            group.create_task(self._show_forming(), name="forming")

    def health(self) -> Health:
        """OK while watermarks move on, and while another aggregator works that this one stands by for."""
        silence = self._clock.monotonic() - self._moved_at
        facts = self._facts()
        if trouble := self._persistence.trouble or self._lease.trouble:
            return Health(HealthStatus.DEGRADED, trouble, facts)
        if self._lease.other:
            return Health(HealthStatus.OK, "", facts)
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

    def _new_aggregation(self, source: Subscription) -> Aggregation:
        return Aggregation(
            builder=self._builder,
            subscription=source,
            bus=self._bus,
            store=self._store,
            clock=self._clock,
            persistence=self._persistence,
            exchange=self._exchange,
            memory=self._patience + self._retention,
        )

    async def _aggregate(self) -> None:
        source = await self._persistence.insist(lambda: self._bus.subscribe(TRADES.topic, _SUBSCRIPTION))
        aggregation = self._aggregation = self._new_aggregation(source)
        try:
            while True:
                await aggregation.handle(await self._persistence.insist(lambda: source.pull(_BATCH)))
                watermark = self._builder.watermark()
                if watermark > self._watermark:
                    self._watermark, self._moved_at = watermark, self._clock.monotonic()
        finally:
            await _release(source)
            metrics.PACKS_HELD.set(0)

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
        lease = "ours" if self._lease.held else "asked for"
        if self._lease.other:
            lease = f"another aggregator works ({self._lease.other}); this one stands by"
        return {
            "lease": lease,
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
    documents: DocumentStore,
    clock: Clock,
    machine_clock: Clock,
    holder: str,
    is_gone: Callable[[str], bool],
    exchange: str,
    open_mode: OpenMode,
    grace: int,
    patience: int,
    retention: int,
    forming_every: int,
    lease_millis: int,
) -> Service:
    """The aggregator of one exchange.

    Args:
        bus: Where packs come from and candles go.
        store: Where candles are kept.
        documents: Where the lease lies that lets one aggregator work at a time.
        clock: Paces forming views and retries; event time alone decides about candles.
        machine_clock: What the lease runs by.
        holder: Names this process in the lease; unique for ever.
        is_gone: Says of another holder that its process is certainly no more.
        exchange: Venue and product, as packs carry it.
        open_mode: What a candle opens with.
        grace: ms of event time by which a watermark must pass a minute's end to prove it.
        patience: ms of event time after which an unproven minute closes incomplete.
        retention: ms of event time a closed minute stays in memory for late trades.
        forming_every: ms between two writes of forming views.
        lease_millis: ms of the machine's time after which a killed aggregator is succeeded.

    Raises:
        ConfigurationError: The times contradict each other.
    """
    return _Aggregator(
        bus=bus,
        store=store,
        lease=Lease(
            documents, f"aggregator/{_SUBSCRIPTION}", holder, machine_clock, millis=lease_millis, is_gone=is_gone
        ),
        clock=clock,
        exchange=exchange,
        open_mode=open_mode,
        grace=grace,
        patience=patience,
        retention=retention,
        forming_every=forming_every,
    )
