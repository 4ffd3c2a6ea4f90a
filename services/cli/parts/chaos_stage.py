"""A chaos plan in; the services as processes, the accidents that befall them, and what was proved out."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from services.cli.parts import local_cloud
from services.cli.parts.accidents import Accident, AccidentKind, schedule
from services.cli.parts.channel_watch import ChannelWatch
from services.cli.parts.chaos_settings import EXCHANGE, ChaosPlan, cloud_names, environment
from services.cli.parts.golden import first_candle, golden
from services.cli.parts.household import Household
from services.cli.parts.output import read_settings
from services.cli.parts.processes import Processes
from services.cli.parts.recovery import Recovery
from services.cli.parts.stage import CHAT
from services.cli.parts.tally import Span
from services.cli.parts.verdict import Outcome, Verdict, judge
from services.sandbox.market import MINUTE
from services.sandbox.recorded_market import open_recording
from services.wiring import ALL, SERVICES, Wiring
from shared.adapters.clock.scaled import ScaledClock
from shared.adapters.clock.system import SystemClock
from shared.domain.book import BookKey
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.outbox_entry import OutboxState
from shared.domain.shadow import told
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput, Unavailable

_ALL = 10_000_000
# Of the machine, until market time runs: a service needs about a second of work to be up, an emulator far more.
_LEAD_MILLIS, _CLOUD_LEAD_MILLIS = 4_000, 15_000
_CALM_SHARE = 0.02  # of the span, without accidents, at its beginning and its end ...
_CALM_MILLIS = 4_000  # ... where so much of the machine's time is left: who starts again needs trades to see
_UP_SECONDS = 60.0
_PATIENCE_SECONDS = 60.0
_POLL_MILLIS = 200
_TELL_SECONDS = 10.0
_FULL_BYTES = 1
_UNTOLD = (OutboxState.DEAD, OutboxState.EXPIRED)
_OTHERS = ("pubsub-emulator", "bigtable-emulator", "redis")


@dataclass(frozen=True, slots=True)
class ChaosResult:
    """What happened and what it came to.

    Attributes:
        verdict: The proof, or what contradicts it.
        candles: Minutes compared.
        signals: Lines of the calm run.
        accidents: How many of each kind happened.
        crashes: How often each service ended by itself; it was started again at once.
        recoveries: Each service killed, and the seconds until that was made good.
        unrecovered: Services whose kill was not made good at the end, and what they said of themselves.
        seconds: Real time of the disturbed run.
    """

    verdict: Verdict
    candles: int
    signals: int
    accidents: Counter[str]
    crashes: Counter[str]
    recoveries: tuple[tuple[str, float], ...]
    unrecovered: dict[str, str]
    seconds: float


async def perform(plan: ChaosPlan, log_dir: Path) -> ChaosResult:
    """Compute the calm truth, then play the recording to real processes, with accidents, and compare.

    Raises:
        InvalidInput: A file or the symbol is wrong.
        InvariantViolation: The calm run proves nothing.
        Unavailable: A process of the surroundings does not work.
    """
    market = open_recording(plan.files, plan.symbol, plan.format_name)
    start = market.history_start
    end = market.end if plan.minutes is None else min(market.end, start + plan.minutes * MINUTE)
    live = start + max(1, plan.history) * MINUTE
    if end - live < 2 * MINUTE:
        raise InvalidInput("what is played of the recording must last for three minutes at least, history not counted")
    first = first_candle(market, plan.symbol, EXCHANGE)
    calm = await golden(plan.files, plan.format_name, first, end)
    click.echo(f"calm run: {len(calm.candles)} candles, {len(calm.lines)} lines of signals", err=True)
    with TemporaryDirectory(prefix="tracker-chaos-") as folder:
        async with Processes(log_dir) as processes:
            own = await local_cloud.start(processes) if plan.needs_cloud else {}
            own |= cloud_names() if plan.needs_cloud else {}
            stage = _Stage(plan, processes, own, Path(folder), Span(live, end))
            try:
                return await stage.run(first, calm)
            except ExceptionGroup as errors:
                raise _first_of(errors) from errors


def _first_of(error: Exception) -> Exception:
    """The first error of a task group."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


class _Stage:
    """One disturbed run."""

    def __init__(self, plan: ChaosPlan, processes: Processes, cloud: dict[str, str], folder: Path, span: Span) -> None:
        self._plan = plan
        self._span = span
        self._processes = processes
        self._real = SystemClock()
        self._wall_start = self._real.now() + (_CLOUD_LEAD_MILLIS if cloud else _LEAD_MILLIS)
        self._clock = ScaledClock(span.start, self._wall_start, plan.speed)
        port = local_cloud.free_port()
        values = environment(plan, market_start=span.start, wall_start=self._wall_start, port=port, folder=folder)
        self._environment = cloud | values
        self._household = Household(processes, self._environment)
        self._accidents: Counter[str] = Counter()
        self._crashes: Counter[str] = Counter()

    async def run(self, first: Candle, calm: Outcome) -> ChaosResult:
        """Begin behind the first candle, and end with the comparison."""
        started = self._real.monotonic()
        await self._household.bootstrap()
        wiring = Wiring(read_settings(None, None, self._environment))
        try:
            await wiring.store.write([first])
            keys = [
                BookKey(strategy, first.exchange, first.symbol) for strategy in wiring.settings.logic_engine.strategies
            ]
            last = self._span.end - Timeframe.M1.millis
            recovery = Recovery(self._household, wiring.store, keys, last)
            await self._household.start(ALL)
            async with ChannelWatch(self._household.page_url) as channel:
                await self._disturb(
                    channel, recovery, _End(wiring, first.instrument, self._span, keys, len(calm.candles))
                )
                return await self._result(wiring, calm, channel, recovery, self._real.monotonic() - started)
        finally:
            await wiring.close()

    async def _disturb(self, channel: ChannelWatch, recovery: Recovery, end: "_End") -> None:
        """Let everything happen, and return when what happened has been made good or patience is over."""
        await self._up(recovery)
        async with asyncio.TaskGroup() as group:
            watchers = [
                group.create_task(recovery.watch(), name="recovery"),
                group.create_task(self._revive(), name="revive"),
                group.create_task(self._tell(recovery), name="tell"),
            ]
            async with asyncio.TaskGroup() as under_way:
                for accident in self._schedule():
                    await self._clock.sleep(accident.at - self._clock.now())
                    await self._happen(accident, channel, recovery, under_way)
            await self._clock.sleep(self._span.end - self._clock.now())
            await end.reached(lambda: recovery.open)
            for watcher in watchers:
                watcher.cancel()

    async def _up(self, recovery: Recovery) -> None:
        try:
            async with asyncio.timeout(_UP_SECONDS):
                await recovery.all_answer(SERVICES)
        except TimeoutError:
            raise Unavailable(f"the services were not up after {_UP_SECONDS:.0f} s; see their logs") from None

    def _schedule(self) -> tuple[Accident, ...]:
        length = self._span.end - self._span.start
        begin = self._span.start + int(length * _CALM_SHARE)
        rest = min(length // 2, max(int(length * _CALM_SHARE), int(_CALM_MILLIS * self._plan.speed)))
        others = [name for name in _OTHERS if self._processes.pid(name) is not None]
        return schedule(
            self._plan.seed, begin, self._span.end - rest, self._plan.wishes, services=SERVICES, others=others
        )

    async def _happen(
        self, accident: Accident, channel: ChannelWatch, recovery: Recovery, under_way: asyncio.TaskGroup
    ) -> None:
        self._accidents[accident.kind] += 1
        home, name = self._household, accident.target
        match accident.kind:
            case AccidentKind.KILL:
                recovery.killed(name, self._clock.now())
                await home.kill(name)
            case AccidentKind.CLOCK_JUMP:
                await home.kill(name, self._wrong_clock(accident.value))
            case AccidentKind.PAUSE:
                home.stop(name)
                under_way.create_task(self._later(accident.value, lambda: home.go_on(name)))
            case AccidentKind.DISK_FULL:
                home.limit_files(name, _FULL_BYTES)
                under_way.create_task(self._later(accident.value, lambda: home.limit_files(name, None)))
            case AccidentKind.FAULT:
                await channel.set_fault(name, accident.value)

    def _wrong_clock(self, ahead: int) -> dict[str, str]:
        """The setting of a service whose market time is `ahead` ms in front of the others'."""
        return {"TRACKER__SCALED__WALL_START": str(self._wall_start - round(ahead / self._plan.speed))}

    def _later(self, millis: int, act: Callable[[], None]) -> Coroutine[Any, Any, None]:
        async def wait() -> None:
            try:
                await self._real.sleep(millis)
            finally:
                act()

        return wait()

    async def _revive(self) -> None:
        """Start services again that end by themselves, as what supervises containers does."""
        while True:
            name = await self._processes.wait_for_end()
            if name not in SERVICES:
                raise Unavailable(f"{name} ended by itself; see {self._processes.log_of(name)}")
            self._crashes[name] += await self._household.revive(name)

    async def _tell(self, recovery: Recovery) -> None:
        length = self._span.end - self._span.start
        while True:
            await self._real.sleep(int(_TELL_SECONDS * 1000))
            done = max(0, min(100, 100 * (self._clock.now() - self._span.start) // length))
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(self._accidents.items()))
            waiting = f"; not yet made good: {', '.join(recovery.open)}" if recovery.open else ""
            click.echo(f"{done} % of the market's time; {counts or 'calm'}{waiting}", err=True)

    async def _result(
        self, wiring: Wiring, calm: Outcome, channel: ChannelWatch, recovery: Recovery, seconds: float
    ) -> ChaosResult:
        symbol, exchange = self._plan.symbol, wiring.settings.exchange
        candles = await wiring.store.read(Instrument(exchange, symbol), Timeframe.M1, 0, self._span.end)
        lines = told(await wiring.store.signals(_ALL))
        ids = {line.signal_id for line in [*calm.lines, *lines]}
        entries = [await wiring.outbox.load(CHAT, signal_id) for signal_id in ids]
        untold = {entry.signal_id for entry in entries if entry is not None and entry.state in _UNTOLD}
        said = Outcome(candles, [line for line in lines if line.time <= self._span.end])
        verdict = judge(calm, said, channel.shown(ids), untold)
        return ChaosResult(
            verdict=verdict,
            candles=len(calm.candles),
            signals=len(calm.lines),
            accidents=self._accidents,
            crashes=+self._crashes,
            recoveries=tuple(recovery.done),
            unrecovered=recovery.open,
            seconds=seconds,
        )


class _End:
    """Knows when a disturbed run is over."""

    def __init__(self, wiring: Wiring, instrument: Instrument, span: Span, keys: list[BookKey], candles: int) -> None:
        self._store, self._outbox = wiring.store, wiring.outbox
        self._instrument = instrument
        self._span = span
        self._keys = keys
        self._candles = candles
        self._real = SystemClock()

    async def reached(self, unrecovered: Callable[[], Mapping[str, str]]) -> None:
        """Return when nothing is missing any more, or when `_PATIENCE_SECONDS` have not sufficed."""
        deadline = self._real.monotonic() + _PATIENCE_SECONDS
        while missing := await self._missing() or ", ".join(unrecovered()):
            if self._real.monotonic() > deadline:
                click.echo(f"{_PATIENCE_SECONDS:.0f} s after the end of the market: {missing}", err=True)
                return
            await self._real.sleep(_POLL_MILLIS)

    async def _missing(self) -> str:
        """What is not done yet of what happened before the end; empty when all is."""
        candles = await self._store.read(self._instrument, Timeframe.M1, 0, self._span.end)
        whole = sum(candle.complete for candle in candles)
        if whole < self._candles:
            return f"{self._candles - whole} candles are not complete"
        books = await self._store.load_books(self._keys)
        last = self._span.end - Timeframe.M1.millis
        if any(key not in books or books[key].evaluated_to < last for key in self._keys):
            return "not evaluated to the end"
        for line in told(await self._store.signals(_ALL)):
            entry = await self._outbox.load(CHAT, line.signal_id)
            if line.time <= self._span.end and (entry is None or entry.delivered_revision < line.revision):
                return f"not delivered: {line.signal_id} ({line.kind})"
        return ""
