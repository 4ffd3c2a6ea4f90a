"""Closed candles in the store and macro biases in, signals and notices on the bus out: the loop, its wake-ups, its
health."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from services.logic_engine.announcer import Announcer
from services.logic_engine.evaluator import Evaluator
from services.logic_engine.gate_keeper import GateKeeper
from services.logic_engine.inbox import Inbox
from services.logic_engine.near_miss_log import NearMissLog
from services.logic_engine.strategy_loader import makers
from shared.domain.book import BookKey
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.macro_bias import BiasDirection, MacroBias
from shared.domain.timeframe import Timeframe
from shared.engine.data_watch import Arrival, DataWatch
from shared.engine.entry_check import ASK_NOTHING, EntryPolicy
from shared.engine.strategy_runner import StrategyRunner
from shared.messages.catalog import CANDLES, MACRO_BIAS
from shared.ports import Bus, CandleStore, Clock, DocumentStore, Ledger
from shared.runtime.persistence import Persistence
from shared.runtime.service import Health, HealthStatus

_NAME = "logic_engine"
_MINUTE = 60_000


class Loop(NamedTuple):
    """What the loop goes over, and how often.

    Attributes:
        instruments: All that are watched.
        interval: Length of the loop, ms.
        stale_after: ms without a new complete candle after which an instrument is stale; 0 for never.
    """

    instruments: Sequence[Instrument]
    interval: int
    stale_after: int


class LogicEngine:
    """Wakes every `interval` ms, aligned to the clock, for all symbols, and at once for those with a new candle."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        *,
        loop: Loop,
        evaluator: Evaluator,
        announcer: Announcer,
        gate_keeper: GateKeeper | None,
    ) -> None:
        self._clock = clock
        self._evaluator = evaluator
        self._announcer = announcer
        self._gate_keeper = gate_keeper
        self._instruments, self._interval, self._stale_after = loop
        self._turn = asyncio.Lock()
        self._started = False
        self._listening = Persistence(clock)
        self._gating = Persistence(clock)
        self._evaluating = Persistence(clock)
        self._announcing = Persistence(clock)
        self._candles = Inbox(bus, CANDLES, Candle, _NAME, self._listening)
        self._biases = Inbox(bus, MACRO_BIAS, MacroBias, _NAME, self._gating)

    @property
    def name(self) -> str:
        """The package's name."""
        return _NAME

    async def run(self) -> None:
        """Work until cancelled; messages in hand then go back to the bus, books are whole at any time."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name=f"{_NAME}: candles")
            tasks.create_task(self._tick(), name=f"{_NAME}: timer")
            if self._gate_keeper is not None:
                tasks.create_task(self._gate(self._gate_keeper), name=f"{_NAME}: macro biases")

    def health(self) -> Health:
        """OK while candles flow for every symbol and none waits at a hole."""
        progress = self._evaluator.progress
        facts: dict[str, int | float | str] = {
            "evaluated": progress.evaluated,
            "signals": progress.signals,
            "open_positions": self._evaluator.open_positions,
        }
        if self._gate_keeper is not None:
            facts["macro_directions"] = self._macro_directions(self._gate_keeper)
        activities = (self._evaluating, self._listening, self._gating, self._announcing)
        outage = next((activity.trouble for activity in activities if activity.trouble), "")
        if outage:
            return Health(HealthStatus.DEGRADED, outage, facts)
        if not self._started:
            return Health(HealthStatus.STARTING, "the first evaluation is under way", facts)
        stale = self._stale()
        waiting = sorted({key.symbol for key in progress.waiting})
        words = []
        if stale:
            span = f"{self._stale_after / _MINUTE:g} minutes"
            words.append(f"no candle for {span}: {', '.join(stale)}; see the health of ingestor and aggregator")
        if waiting:
            words.append(f"waiting for a missing or incomplete candle: {', '.join(waiting)}; see the backfiller")
        return Health(HealthStatus.DEGRADED if words else HealthStatus.OK, "; ".join(words), facts)

    def _macro_directions(self, gate_keeper: GateKeeper) -> int:
        """Instruments with an active direction of the larger trend. None is no fault: the gate decays to neutral."""
        states = map(gate_keeper.state, self._instruments)
        now = self._clock.now()
        return sum(state.active is not BiasDirection.NEUTRAL and now < state.expires_at for state in states)

    def _stale(self) -> list[str]:
        oldest = self._clock.now() - self._stale_after
        arrivals = self._arrivals()
        return sorted(symbol for symbol in arrivals if self._stale_after and arrivals[symbol].complete < oldest)

    def _arrivals(self) -> dict[str, Arrival]:
        known = self._evaluator.progress.arrivals
        return {instrument.symbol: known.get(instrument, Arrival(0, 0)) for instrument in self._instruments}

    async def _tick(self) -> None:
        symbols = [instrument.symbol for instrument in self._instruments]
        while True:
            await self._evaluate(symbols)
            if self._stale_after:
                await self._announcing.insist(lambda: self._announcer.look(self._clock.now(), self._arrivals()))
            await self._clock.sleep(self._interval - self._clock.now() % self._interval)

    async def _listen(self) -> None:
        """Evaluate the symbols of each pull, then acknowledge it."""
        try:
            while True:
                deliveries, candles = await self._candles.pull()
                revised = [candle for candle in candles if candle.complete and candle.revision]
                await self._evaluate({candle.symbol for candle in candles}, revised)
                await self._candles.ack(deliveries)
        finally:
            await self._candles.release()

    async def _gate(self, gate_keeper: GateKeeper) -> None:
        """Store what each bias means for the gate, then acknowledge it. The next evaluation takes it over."""
        try:
            while True:
                deliveries, biases = await self._biases.pull()
                for bias in biases:
                    await self._gating.insist(partial(gate_keeper.take, bias))
                await self._biases.ack(deliveries)
        finally:
            await self._biases.release()

    async def _evaluate(self, symbols: Collection[str], revised: Sequence[Candle] = ()) -> None:
        """Evaluate, however long the store or the bus is away: what waits here is not acknowledged."""
        async with self._turn:
            await self._evaluating.insist(lambda: self._evaluator.evaluate(symbols, revised))
        self._started = True


def create(
    *,
    bus: Bus,
    store: CandleStore,
    ledger: Ledger,
    documents: DocumentStore,
    clock: Clock,
    exchange: str,
    symbols: Sequence[str],
    strategies: Mapping[str, Mapping[str, Any]],
    timeframe: Timeframe,
    interval: int,
    hole_patience: int,
    stale_after: int,
    live_from: int | None,
    policy: EntryPolicy = ASK_NOTHING,
) -> LogicEngine:
    """The service.

    Args:
        bus: Candles wake it; signals go out.
        store: Where candles are read.
        ledger: Where books and signals are kept.
        documents: Where outages, gates and refused entries are kept.
        clock: For the loop and for ages.
        exchange: Venue and product of the candles.
        symbols: Instruments to watch.
        strategies: Parameters by name of strategy or shadow; ``symbols`` in them holds parameters by symbol that go
            before.
        timeframe: Of the candles.
        interval: Length of the loop, ms.
        hole_patience: Candles after a missing or incomplete one until it is given up.
        stale_after: ms without a new complete candle after which a symbol's outage is announced; 0 for never.
        live_from: ms UTC; a book that begins now says nothing of candles that closed before it. None: from now on.
        policy: What is asked of entries; with its gate, macro biases are listened to.

    Raises:
        ConfigurationError: A strategy or one of its parameters is wrong; all faults at once.
    """
    silent_to = clock.now() if live_from is None else live_from
    runners = {
        BookKey(name, exchange, symbol): StrategyRunner(make, timeframe, hole_patience, silent_to, policy)
        for (name, symbol), make in makers(strategies, symbols).items()
    }
    instruments = [Instrument(exchange, symbol) for symbol in symbols]
    gate_keeper = None if policy.gate is None else GateKeeper(documents, instruments, policy.gate)
    evaluator = Evaluator(
        runners=runners,
        store=store,
        ledger=ledger,
        bus=bus,
        near_misses=NearMissLog(documents),
        timeframe=timeframe,
        hole_patience=hole_patience,
        gate_keeper=gate_keeper,
    )
    watch = DataWatch(exchange, stale_after, clock.now())
    announcer = Announcer(watch, documents=documents, store=store, bus=bus, timeframe=timeframe)
    loop = Loop(instruments, interval, stale_after)
    return LogicEngine(bus, clock, loop=loop, evaluator=evaluator, announcer=announcer, gate_keeper=gate_keeper)
