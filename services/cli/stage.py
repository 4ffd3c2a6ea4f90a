"""A plan in, the sandbox and all services in one process out: what ``tracker demo`` runs."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from services.cli.output import read_settings
from services.cli.reader import Reader
from services.sandbox import service as sandbox_service
from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.service import Addresses, SandboxService
from services.wiring import SERVICES, Wiring
from shared.adapters.clock.scaled import ScaledClock
from shared.adapters.clock.system import SystemClock
from shared.domain.book import BookKey
from shared.domain.instrument import Instrument
from shared.domain.signal import SignalKind
from shared.domain.timeframe import Timeframe
from shared.errors import InvariantViolation
from shared.runtime.host import Host
from shared.runtime.page import Page
from shared.runtime.settings import DEFAULT_SYMBOLS, Settings

_MARKET_START = 1_772_409_600_000  # 2026-03-02T00:00:00Z, a Monday: fixed, so that equal seeds give equal demos
_CHAT = "@sandbox_signals"
_TOKEN = "1:sandbox"  # noqa: S105 - the sandbox's own, worthless anywhere else
_STRATEGY = "rsi_divergence"
_PRESSES = 3
_POLL_MILLIS = 100
_PATIENCE_SECONDS = 90.0
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What to run.

    Attributes:
        minutes: Market minutes after which it ends; None for until somebody ends it.
        speed: Market time against real time.
        seed: Of the market.
        port: Of the channel page; 0 for a free one.
        folder: For the stores.
    """

    minutes: int | None
    speed: float
    seed: int
    port: int
    folder: Path

    @property
    def end(self) -> int | None:
        """Market time of the end, ms UTC."""
        return None if self.minutes is None else _MARKET_START + self.minutes * Timeframe.M1.millis


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What was counted."""

    trades: int
    candles: int
    incomplete: int
    entries: int
    exits: int
    messages_sent: int
    messages_edited: int
    charts: int
    symbols: int
    market_minutes: int
    wall_seconds: float


async def perform(plan: DemoPlan) -> DemoSummary | None:
    """Run the demo until its end or a signal; returns the counts of a demo that ended by itself."""
    clock = ScaledClock(_MARKET_START, None, plan.speed)
    sandbox = sandbox_service.create(
        clock=clock,
        market=GeneratedMarket(seed=plan.seed, start=_MARKET_START),
        token=_TOKEN,
        chat=_CHAT,
        port=plan.port,
        speed=plan.speed,
        end=plan.end,
        wait_for_client=True,
        on_first_subscription=clock.begin,
    )
    serving = asyncio.create_task(sandbox.run(), name="sandbox")
    try:
        addresses = await sandbox.started()
        wiring = Wiring(read_settings(None, _overrides(plan, addresses)), {"clock": clock})
        try:
            return await _Stage(plan, sandbox, addresses, wiring).run()
        finally:
            await wiring.close()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


class _Stage:
    """All services of one demo, and the knowledge of when they are done."""

    def __init__(self, plan: DemoPlan, sandbox: SandboxService, addresses: Addresses, wiring: Wiring) -> None:
        self._plan = plan
        self._sandbox = sandbox
        self._addresses = addresses
        self._wiring = wiring
        self._real = SystemClock()
        self._started = self._real.monotonic()
        self._reader = Reader(addresses.page_url, _PRESSES)

    async def run(self) -> DemoSummary | None:
        """Run until the plan's end, or until somebody ends it."""
        wiring = self._wiring
        wiring.check(SERVICES)
        host = Host(wiring.services(SERVICES), wiring.clock)
        page = Page(host.health, wiring.settings.page.host, wiring.settings.page.port)
        health_url = await page.start()
        click.echo(f"channel: {self._addresses.page_url}\nhealth:  {health_url}/health", err=True)
        running = asyncio.create_task(host.run(), name="host")
        try:
            if self._plan.end is None:
                await running
                return None
            return await self._until(self._plan.end, running)
        finally:
            host.stop()
            await asyncio.gather(running, return_exceptions=True)
            await page.stop()

    async def _until(self, end: int, running: asyncio.Task[None]) -> DemoSummary | None:
        async with self._reader:
            finished = asyncio.create_task(self._finished(end), name="finished")
            await asyncio.wait([running, finished], return_when=asyncio.FIRST_COMPLETED)
            if not finished.done():
                finished.cancel()
                await asyncio.gather(finished, return_exceptions=True)
                await running  # raises why the services ended; returns when somebody ended them
                return None
            await finished
        return await self._count(end)

    async def _finished(self, end: int) -> None:
        """Return when everything that happened before `end` (ms UTC) has been acted on."""
        await self._wiring.clock.sleep(end - self._wiring.clock.now())
        deadline = self._real.monotonic() + _PATIENCE_SECONDS
        while missing := await self._missing(end):
            if self._real.monotonic() > deadline:
                raise InvariantViolation(f"{_PATIENCE_SECONDS:.0f} s after the end of the market: {missing}")
            await self._real.sleep(_POLL_MILLIS)

    async def _missing(self, end: int) -> str:
        """What has not yet been acted on; empty when all has."""
        wiring = self._wiring
        last = end - Timeframe.M1.millis
        keys = [BookKey(_STRATEGY, wiring.settings.exchange, symbol) for symbol in wiring.settings.symbols]
        books = await wiring.store.load_books(keys)
        behind = [key.symbol for key in keys if key not in books or books[key].evaluated_to < last]
        if behind:
            return f"not evaluated to the end: {', '.join(behind)}"
        for line in await wiring.store.signals(_ALL):
            entry = await wiring.outbox.load(_CHAT, line.signal_id)
            if entry is None or entry.delivered_revision < line.revision:
                return f"not delivered: {line.signal_id} ({line.kind})"
        undrawn = self._reader.pressed - self._sandbox.counters.pictures
        return f"{undrawn} charts are not drawn" if undrawn > 0 else ""

    async def _count(self, end: int) -> DemoSummary:
        settings, store, counters = self._wiring.settings, self._wiring.store, self._sandbox.counters
        candles = [
            candle
            for symbol in settings.symbols
            for candle in await store.read(Instrument(settings.exchange, symbol), Timeframe.M1, _MARKET_START, end)
        ]
        lines = await store.signals(_ALL)
        return DemoSummary(
            trades=counters.trades,
            candles=len(candles),
            incomplete=sum(not candle.complete for candle in candles),
            entries=sum(line.kind is SignalKind.ENTRY for line in lines),
            exits=sum(line.kind is SignalKind.EXIT for line in lines),
            messages_sent=counters.messages - counters.pictures,
            messages_edited=counters.edits,
            charts=counters.pictures,
            symbols=len(settings.symbols),
            market_minutes=(end - _MARKET_START) // Timeframe.M1.millis,
            wall_seconds=round(self._real.monotonic() - self._started, 1),
        )


def _overrides(plan: DemoPlan, addresses: Addresses) -> dict[str, Any]:
    """The demo's settings: only addresses, folder and clock differ from an ordinary start."""
    defaults = Settings.model_fields
    return {
        "symbols": list(DEFAULT_SYMBOLS),
        "data_dir": str(plan.folder),
        "exchange": defaults["exchange"].default,
        "bus": defaults["bus"].default,
        "store": defaults["store"].default,
        "notifier": "telegram",
        "bybit": {"ws_url": addresses.ws_url, "rest_url": addresses.rest_url},
        "telegram": {"token": _TOKEN, "base_url": addresses.telegram_base_url},
        "telegram_notifier": {"chats": [_CHAT]},
        "logic_engine": {"strategies": [_STRATEGY]},
        # Market time runs fast: a pack of 100 market milliseconds would hold next to nothing.
        "ingestor": {"pack_millis": 1_000},
        "page": {"port": 0},
    }
