"""Composes the backfiller: the venue's history and the candles of the bus in, complete and audited candles out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from services.backfiller.audit import Audit
from services.backfiller.filler import Filler
from services.backfiller.healing import Healing
from services.backfiller.sweep import SWEEP_MILLIS, Sweep
from shared.domain.candle import OpenMode
from shared.engine.candle_audit import Verdict
from shared.errors import Unavailable
from shared.messages.catalog import CANDLES, subscription
from shared.ports import Bus, CandleStore, Clock, DocumentStore, MarketHistory, Subscription
from shared.runtime.persistence import Persistence
from shared.runtime.service import Health, HealthStatus, Service

logger = logging.getLogger(__name__)

_HEAL_MILLIS = 1_000
_WORK = ("intake", "healing", "history", "audit")
_RELEASE_SECONDS = 5.0


class _Backfiller:
    """Fills history on start, heals incomplete candles, looks for holes nobody reported, audits complete candles."""

    name = "backfiller"

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        *,
        filler: Filler,
        healing: Healing,
        sweep: Sweep,
        audit: Audit,
        audit_every: int,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._filler = filler
        self._healing = healing
        self._sweep = sweep
        self._audit = audit
        self._audit_every = audit_every
        self._candles: Subscription | None = None
        self._turn = asyncio.Lock()  # what a healing round holds must not be given back under its hands
        self._work = {name: Persistence(clock, first=1_000, longest=60_000) for name in _WORK}

    async def run(self) -> None:
        """Work until cancelled; what is not healed goes back to the bus."""
        await self._work["intake"].insist(self._subscribe)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._repeat("intake", self._take, 0))
                group.create_task(self._repeat("healing", self._heal, _HEAL_MILLIS))
                group.create_task(self._repeat("history", self._sweep.round, SWEEP_MILLIS))
                if self._audit_every:
                    group.create_task(self._repeat("audit", self._audit.round, self._audit_every))
        finally:
            await self._let_go()

    def health(self) -> Health:
        """OK while the venue answers and every symbol has its history."""
        troubles = [f"{name} waits: {work.trouble}" for name, work in sorted(self._work.items()) if work.trouble]
        troubles += [f"{symbol}: {text}" for symbol, text in sorted(self._filler.refused.items())]
        if troubles:
            return Health(HealthStatus.DEGRADED, "; ".join(troubles), self._facts())
        if self._sweep.cold:
            detail = f"filling the history of {', '.join(self._sweep.cold)}"
            return Health(HealthStatus.STARTING, detail, self._facts())
        return Health(HealthStatus.OK, "", self._facts())

    def _facts(self) -> dict[str, int | float | str]:
        facts: dict[str, int | float | str] = {
            "healed": self._healing.healed,
            "waiting": self._healing.waiting,
            "heal_p95_ms": self._healing.delay_p95,
            "cold": len(self._sweep.cold),
        }
        if self._audit_every:
            counts = self._audit.counts
            facts["parity"] = self._audit.parity
            facts |= {verdict.value: counts[verdict] for verdict in (Verdict.MISMATCH, Verdict.SURPLUS)}
        return facts

    async def _subscribe(self) -> Subscription:
        name = subscription(CANDLES, self.name)
        self._candles = self._candles or await self._bus.subscribe(CANDLES.topic, name)
        return self._candles

    async def _take(self) -> None:
        """Take what has come. A subscription that fails may be dead: it is given up, and the next attempt opens it
        anew; what it held comes again."""
        candles = await self._subscribe()
        try:
            await self._healing.take(await candles.pull(), candles)
        except Unavailable:
            async with self._turn:
                await self._let_go()
            raise

    async def _heal(self) -> None:
        async with self._turn:
            if self._candles is not None:
                await self._healing.heal_due(self._candles)

    async def _let_go(self) -> None:
        """Hand everything held back to the bus."""
        candles, self._candles = self._candles, None
        self._healing.forget()
        if candles is None:
            return
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await candles.release()
        except (Unavailable, TimeoutError) as error:  # the bus takes back by itself what a dead process held
            logger.warning("candles not handed back", extra={"reason": str(error)})

    async def _repeat(self, name: str, work: Callable[[], Awaitable[None]], pause: int) -> None:
        while True:
            await self._work[name].insist(work)
            if pause:
                await self._clock.sleep(pause)


def create(
    *,
    history: MarketHistory,
    store: CandleStore,
    documents: DocumentStore,
    bus: Bus,
    clock: Clock,
    symbols: Sequence[str],
    open_mode: OpenMode,
    counts_marked: bool,
    warm_up: int,
    audit_every: int,
) -> Service:
    """The backfiller.

    Args:
        history: The venue's own candles.
        store: Where candles are read and written.
        documents: Where both versions of a candle that differs from the venue's are kept.
        bus: Incomplete candles come from, and healed ones go to, the topic of `catalog.CANDLES`.
        clock: Market time.
        symbols: Compact pairs whose history is filled and audited; incomplete candles of others are healed too.
        open_mode: What our candles open with.
        counts_marked: Whether block trades or retail price improvement fills count in our candles.
        warm_up: Minutes of history wanted at start.
        audit_every: ms between two rounds of the audit; 0 for none.
    """
    filler = Filler(history, store, bus)
    audit = Audit(
        history.exchange,
        symbols,
        open_mode=open_mode,
        counts_marked=counts_marked,
        filler=filler,
        store=store,
        documents=documents,
        clock=clock,
    )
    healing = Healing(history.exchange, filler, clock)
    sweep = Sweep(history.exchange, symbols, warm_up, filler=filler, store=store, clock=clock)
    return _Backfiller(bus, clock, filler=filler, healing=healing, sweep=sweep, audit=audit, audit_every=audit_every)
