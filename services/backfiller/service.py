"""Composes the backfiller: the venue's history and incomplete candles in, complete candles in store and bus out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from services.backfiller.filler import Filler
from services.backfiller.healing import Healing
from services.backfiller.sweep import SWEEP_MILLIS, Sweep
from shared.errors import Unavailable
from shared.messages.catalog import CANDLES, subscription
from shared.ports import Bus, CandleStore, Clock, MarketHistory, Subscription
from shared.runtime.persistence import Persistence
from shared.runtime.service import Health, HealthStatus, Service

logger = logging.getLogger(__name__)

_HEAL_MILLIS = 1_000
_WORK = ("intake", "healing", "history")
_RELEASE_SECONDS = 5.0


class _Backfiller:
    """Fills history on start, heals incomplete candles, looks for holes nobody reported."""

    name = "backfiller"

    def __init__(self, bus: Bus, clock: Clock, healing: Healing, sweep: Sweep) -> None:
        self._bus = bus
        self._clock = clock
        self._healing = healing
        self._sweep = sweep
        self._work = {name: Persistence(clock, first=1_000, longest=60_000) for name in _WORK}

    async def run(self) -> None:
        """Work until cancelled; what is not healed goes back to the bus."""
        name = subscription(CANDLES, self.name)
        candles = await self._work["intake"].insist(lambda: self._bus.subscribe(CANDLES.topic, name))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._repeat("intake", lambda: self._pull(candles), 0))
                group.create_task(self._repeat("healing", lambda: self._healing.heal_due(candles), _HEAL_MILLIS))
                group.create_task(self._repeat("history", self._sweep.round, SWEEP_MILLIS))
        finally:
            await _release(candles)

    def health(self) -> Health:
        """OK while the venue answers and every symbol has its history."""
        facts = {"healed": self._healing.healed, "waiting": self._healing.waiting, "cold": len(self._sweep.cold)}
        refused = self._sweep.refused | self._healing.refused
        troubles = [f"{name} waits: {work.trouble}" for name, work in sorted(self._work.items()) if work.trouble]
        troubles += [f"{symbol}: {text}" for symbol, text in sorted(refused.items())]
        if troubles:
            return Health(HealthStatus.DEGRADED, "; ".join(troubles), facts)
        if self._sweep.cold:
            return Health(HealthStatus.STARTING, f"filling the history of {', '.join(self._sweep.cold)}", facts)
        return Health(HealthStatus.OK, "", facts)

    async def _pull(self, source: Subscription) -> None:
        await self._healing.take(await source.pull(), source)

    async def _repeat(self, name: str, work: Callable[[], Awaitable[None]], pause: int) -> None:
        while True:
            await self._work[name].insist(work)
            if pause:
                await self._clock.sleep(pause)


async def _release(source: Subscription) -> None:
    try:
        async with asyncio.timeout(_RELEASE_SECONDS):
            await source.release()
    except (Unavailable, TimeoutError) as error:  # the bus takes back by itself what a dead process held
        logger.warning("candles not handed back", extra={"reason": str(error)})


def create(
    *,
    history: MarketHistory,
    store: CandleStore,
    bus: Bus,
    clock: Clock,
    symbols: Sequence[str],
    warm_up: int,
) -> Service:
    """The backfiller.

    Args:
        history: The venue's own candles.
        store: Where candles are read and written.
        bus: Incomplete candles come from, and healed ones go to, the topic of `catalog.CANDLES`.
        clock: Market time.
        symbols: Compact pairs whose history is filled; incomplete candles of others are healed too.
        warm_up: Minutes of history wanted at start.
    """
    filler = Filler(history, store, bus)
    healing = Healing(history.exchange, filler, clock)
    sweep = Sweep(history.exchange, symbols, warm_up, filler=filler, store=store, clock=clock)
    return _Backfiller(bus, clock, healing, sweep)
