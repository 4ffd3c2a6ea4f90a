"""Closed candles in the store in, signals on the bus out: the loop, its wake-ups, its patience and its health."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from services.logic_engine.evaluator import Evaluator
from services.logic_engine.strategy_loader import makers
from shared.domain.book import BookKey
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.engine.strategy_runner import StrategyRunner
from shared.errors import InvalidMessage
from shared.messages.catalog import CANDLES, subscription
from shared.messages.codec import decode
from shared.ports import Bus, CandleStore, Clock, Delivery, Ledger, Subscription
from shared.runtime import metrics
from shared.runtime.persistence import Persistence
from shared.runtime.service import Health, HealthStatus

_NAME = "logic_engine"
_STALE = 180_000  # ms after its end by which a newer candle than the newest should be stored

logger = logging.getLogger(__name__)


class LogicEngine:
    """Wakes every `interval` ms, aligned to the clock, for all symbols, and at once for those with a new candle."""

    def __init__(
        self, bus: Bus, clock: Clock, evaluator: Evaluator, instruments: Sequence[Instrument], interval: int
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._evaluator = evaluator
        self._instruments = instruments
        self._interval = interval
        self._turn = asyncio.Lock()
        self._started = False
        self._listening = Persistence(clock)
        self._evaluating = Persistence(clock)

    @property
    def name(self) -> str:
        """The package's name."""
        return _NAME

    async def run(self) -> None:
        """Work until cancelled; messages in hand then go back to the bus, books are whole at any time."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name=f"{_NAME}: candles")
            tasks.create_task(self._tick(), name=f"{_NAME}: timer")

    def health(self) -> Health:
        """OK while candles flow for every symbol and none waits at a hole."""
        progress = self._evaluator.progress
        facts: dict[str, int | float | str] = {
            "evaluated": progress.evaluated,
            "signals": progress.signals,
            "open_positions": self._evaluator.open_positions,
        }
        if outage := self._evaluating.trouble or self._listening.trouble:
            return Health(HealthStatus.DEGRADED, outage, facts)
        if not self._started:
            return Health(HealthStatus.STARTING, "the first evaluation is under way", facts)
        oldest = self._clock.now() - _STALE
        stale = sorted(i.symbol for i in self._instruments if progress.newest.get(i, 0) < oldest)
        waiting = sorted({key.symbol for key in progress.waiting})
        words = []
        if stale:
            words.append(f"no candle for 3 minutes: {', '.join(stale)}; see the health of ingestor and aggregator")
        if waiting:
            words.append(f"waiting for a missing or incomplete candle: {', '.join(waiting)}; see the backfiller")
        return Health(HealthStatus.DEGRADED if words else HealthStatus.OK, "; ".join(words), facts)

    async def _tick(self) -> None:
        symbols = [instrument.symbol for instrument in self._instruments]
        while True:
            await self._evaluate(symbols)
            await self._clock.sleep(self._interval - self._clock.now() % self._interval)

    async def _listen(self) -> None:
        """Evaluate the symbols of each pull, then acknowledge it."""
        insist = self._listening.insist
        candles = await insist(lambda: self._bus.subscribe(CANDLES.topic, subscription(CANDLES, _NAME)))
        try:
            while True:
                deliveries = await insist(candles.pull)
                await self._evaluate(await insist(partial(self._symbols, candles, deliveries)))
                await insist(partial(candles.ack, deliveries))
        finally:
            await candles.release()

    async def _symbols(self, candles: Subscription, deliveries: Sequence[Delivery]) -> set[str]:
        symbols: set[str] = set()
        for delivery in deliveries:
            try:
                symbols.add(decode(delivery.message).symbol)
            except InvalidMessage as error:
                metrics.MESSAGES_REJECTED.labels(CANDLES.topic).inc()
                logger.warning("message rejected", extra={"topic": CANDLES.topic, "reason": str(error)})
                await candles.reject(delivery, str(error))
        return symbols

    async def _evaluate(self, symbols: Collection[str]) -> None:
        """Evaluate, however long the store or the bus is away: what waits here is not acknowledged."""
        async with self._turn:
            await self._evaluating.insist(lambda: self._evaluator.evaluate(symbols))
        self._started = True


def create(
    *,
    bus: Bus,
    store: CandleStore,
    ledger: Ledger,
    clock: Clock,
    exchange: str,
    symbols: Sequence[str],
    strategies: Mapping[str, Mapping[str, Any]],
    timeframe: Timeframe,
    interval: int,
    hole_patience: int,
    live_from: int | None,
) -> LogicEngine:
    """The service.

    Args:
        bus: Candles wake it; signals go out.
        store: Where candles are read.
        ledger: Where books and signals are kept.
        clock: For the loop and for ages.
        exchange: Venue and product of the candles.
        symbols: Instruments to watch.
        strategies: Parameters by strategy name; ``symbols`` in them holds parameters by symbol that go before.
        timeframe: Of the candles.
        interval: Length of the loop, ms.
        hole_patience: Candles after a missing or incomplete one until it is given up.
        live_from: ms UTC; a book that begins now says nothing of candles that closed before it. None: from now on.

    Raises:
        ConfigurationError: A strategy or one of its parameters is wrong; all faults at once.
    """
    silent_to = clock.now() if live_from is None else live_from
    evaluator = Evaluator(
        runners={
            BookKey(name, exchange, symbol): StrategyRunner(make, timeframe, hole_patience, silent_to)
            for (name, symbol), make in makers(strategies, symbols).items()
        },
        store=store,
        ledger=ledger,
        bus=bus,
        timeframe=timeframe,
        hole_patience=hole_patience,
    )
    instruments = [Instrument(exchange, symbol) for symbol in symbols]
    return LogicEngine(bus, clock, evaluator, instruments, interval)
