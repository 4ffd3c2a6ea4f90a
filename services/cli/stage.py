"""A plan in, the sandbox and all services in one process out: what ``tracker demo`` runs."""

import asyncio
import contextlib
import time
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
_POLL_SECONDS = 0.1
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
    started = time.perf_counter()
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
            return await _run(plan, sandbox, addresses, wiring, started)
        finally:
            await wiring.close()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def _run(
    plan: DemoPlan, sandbox: SandboxService, addresses: Addresses, wiring: Wiring, started: float
) -> DemoSummary | None:
    wiring.check(SERVICES)
    host = Host(wiring.services(SERVICES), wiring.clock)
    page = Page(host.health, wiring.settings.page.host, wiring.settings.page.port)
    health_url = await page.start()
    click.echo(f"channel: {addresses.page_url}\nhealth:  {health_url}/health", err=True)
    running = asyncio.create_task(host.run(), name="host")
    try:
        if plan.end is None:
            await running
            return None
        return await _until_end(plan.end, running, sandbox, addresses, wiring, started)
    finally:
        host.stop()
        await asyncio.gather(running, return_exceptions=True)
        await page.stop()


async def _until_end(
    end: int, running: asyncio.Task[None], sandbox: SandboxService, addresses: Addresses, wiring: Wiring, started: float
) -> DemoSummary | None:
    async with Reader(addresses.page_url, _PRESSES) as reader:
        finish = asyncio.create_task(_finished(end, wiring, reader, sandbox), name="finish")
        await asyncio.wait([running, finish], return_when=asyncio.FIRST_COMPLETED)
        if not finish.done():
            finish.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await finish
            await running  # raises why the services ended; returns when somebody ended them
            return None
        await finish
    return await _count(end, sandbox, wiring, started)


async def _finished(end: int, wiring: Wiring, reader: Reader, sandbox: SandboxService) -> None:
    """Return when everything that happened before `end` has been acted on."""
    while wiring.clock.now() < end:
        await asyncio.sleep(_POLL_SECONDS)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while missing := await _missing(end, wiring, reader, sandbox):
        if time.monotonic() > deadline:
            raise InvariantViolation(f"{_PATIENCE_SECONDS:.0f} s after the end of the market: {missing}")
        await asyncio.sleep(_POLL_SECONDS)


async def _missing(end: int, wiring: Wiring, reader: Reader, sandbox: SandboxService) -> str:
    """What has not yet been acted on; empty when all has."""
    last = end - Timeframe.M1.millis
    keys = [BookKey(_STRATEGY, wiring.settings.exchange, symbol) for symbol in wiring.settings.symbols]
    books = await wiring.store.load_books(keys)
    behind = [key.symbol for key in keys if key not in books or books[key].evaluated_to < last]
    if behind:
        return f"not evaluated to the end: {', '.join(behind)}"
    for line in await wiring.store.signals(_ALL):
        entry = await wiring.store.load(_CHAT, line.signal_id)
        if entry is None or entry.delivered_revision < line.revision:
            return f"not delivered: {line.signal_id} ({line.kind})"
    if sandbox.counters.pictures < reader.pressed:
        return f"{reader.pressed - sandbox.counters.pictures} charts are not drawn"
    return ""


async def _count(end: int, sandbox: SandboxService, wiring: Wiring, started: float) -> DemoSummary:
    settings = wiring.settings
    candles = [
        candle
        for symbol in settings.symbols
        for candle in await wiring.store.read(Instrument(settings.exchange, symbol), Timeframe.M1, _MARKET_START, end)
    ]
    lines = await wiring.store.signals(_ALL)
    counters = sandbox.counters
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
        wall_seconds=round(time.perf_counter() - started, 1),
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
