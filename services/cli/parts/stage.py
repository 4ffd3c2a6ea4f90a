"""A plan in, the sandbox and all services in one process out: what ``tracker demo`` runs."""

import asyncio
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import click

from services.cli.parts.reader import Reader
from services.cli.parts.tally import Span, Summary, Tally
from services.sandbox import service as sandbox_service
from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.service import Addresses
from services.wiring import SERVICES, Wiring
from shared.adapters.clock.scaled import ScaledClock
from shared.adapters.clock.system import SystemClock
from shared.domain.timeframe import Timeframe
from shared.runtime.host import Host
from shared.runtime.page import Page
from shared.runtime.sections import IngestorSection, LogicEngineSection, TelegramNotifierSection
from shared.runtime.service import HealthStatus
from shared.runtime.settings import load

MARKET_START = 1_772_409_600_000  # 2026-03-02T00:00:00Z, a Monday: fixed, so that equal seeds give equal demos
CHAT = "@sandbox_signals"
TOKEN = "1:sandbox"  # noqa: S105 - the sandbox's own, worthless anywhere else
_STRATEGY = "rsi_divergence"
PRESSES = 3
_POLL_MILLIS = 100
_HEALING_SECONDS = 15.0
_CLOSING_MILLIS = 45_000


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
        return None if self.minutes is None else MARKET_START + self.minutes * Timeframe.M1.millis


async def perform(plan: DemoPlan) -> Summary | None:
    """Run the demo until its end or a signal; returns the counts of a demo that ended by itself."""
    clock = ScaledClock(MARKET_START, None, plan.speed, closing=plan.end, halt=halt_after(plan.end))
    subscribed = asyncio.Event()
    sandbox = sandbox_service.create(
        clock=clock,
        market=GeneratedMarket(seed=plan.seed, start=MARKET_START),
        token=TOKEN,
        chat=CHAT,
        port=plan.port,
        speed=plan.speed,
        end=plan.end,
        wait_for_client=True,
        on_first_subscription=subscribed.set,
    )
    serving = asyncio.create_task(sandbox.run(), name="sandbox")
    try:
        addresses = await sandbox.started()
        wiring = Wiring(load(None, {}, _overrides(plan, addresses), default_file=None), {"clock": clock})
        try:
            return await _Stage(plan, addresses, wiring).run(subscribed, clock)
        finally:
            await wiring.close()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def halt_after(end: int | None) -> int | None:
    """When market time stands again: late enough for the last minute to close and to be healed, but the next minute
    never ends, or the silence after the market would be candles, and signals."""
    return None if end is None else end + _CLOSING_MILLIS


class _Stage:
    """All services of one demo, and the knowledge of when they are done."""

    def __init__(self, plan: DemoPlan, addresses: Addresses, wiring: Wiring) -> None:
        self._plan = plan
        self._addresses = addresses
        self._wiring = wiring
        self._real = SystemClock()
        self._started = self._real.monotonic()

    async def run(self, subscribed: asyncio.Event, clock: ScaledClock) -> Summary | None:
        """Run until the plan's end, or until somebody ends it; `clock` begins when the market may open."""
        wiring = self._wiring
        wiring.check(SERVICES)
        host = Host(wiring.services(SERVICES), wiring.clock)
        page = Page(host.health, wiring.settings.page.host, wiring.settings.page.port)
        health_url = await page.start()
        click.echo(f"channel: {self._addresses.page_url}\nhealth:  {health_url}/health", err=True)
        running = asyncio.create_task(host.run(), name="host")
        opening = asyncio.create_task(self._open_market(host, subscribed, clock), name="opening")
        try:
            if self._plan.end is None:
                await running
                return None
            return await self._until(self._plan.end, running)
        finally:
            host.stop()
            opening.cancel()
            await asyncio.gather(running, opening, return_exceptions=True)
            await page.stop()

    async def _open_market(self, host: Host, subscribed: asyncio.Event, clock: ScaledClock) -> None:
        """Let market time run once somebody listens and the strategies have their history.

        A market that did not wait would be minutes old by then, more of them on a slower machine, and equal seeds would
        not give equal signals.
        """
        await subscribed.wait()
        while host.health()["backfiller"].status is not HealthStatus.OK:
            await self._real.sleep(_POLL_MILLIS)
        clock.begin()

    async def _until(self, end: int, running: asyncio.Task[None]) -> Summary | None:
        tally = Tally(self._wiring, CHAT, Span(MARKET_START, end))
        async with Reader(self._addresses.page_url, PRESSES) as reader:
            finished = asyncio.create_task(tally.wait(self._wiring.clock, reader), name="finished")
            await asyncio.wait([running, finished], return_when=asyncio.FIRST_COMPLETED)
            if not finished.done():
                finished.cancel()
                await asyncio.gather(finished, return_exceptions=True)
                await running  # raises why the services ended; returns when somebody ended them
                return None
            await finished
            return await tally.count(await reader.counters(), self._real.monotonic() - self._started)


def _overrides(plan: DemoPlan, addresses: Addresses) -> dict[str, Any]:
    """What differs from the defaults: addresses, folder and what fast time demands.

    Neither a settings file nor the environment counts: a demo in an operator's folder must not write to the operator's
    store, and equal seeds give equal signals everywhere.
    """
    return {
        "data_dir": str(plan.folder),
        "bybit": {"ws_url": addresses.ws_url, "rest_url": addresses.rest_url},
        "kraken": {"rest_url": addresses.rest_url},
        "telegram": {"token": TOKEN, "base_url": addresses.telegram_base_url},
        "telegram_notifier": {"chats": [CHAT], **lateness(plan.speed)},
        # Market time runs fast, healing an incomplete minute takes real time.
        "logic_engine": {
            "strategies": [_STRATEGY],
            "hole_patience": hole_patience(plan.speed),
            "stale_after": stale_after(plan.speed),
        },
        # A pack of 100 market milliseconds would hold next to nothing.
        "ingestor": {"pack_millis": 1_000, "clock_alarm": clock_alarm(plan.speed)},
        "page": {"port": 0},
    }


def hole_patience(speed: float) -> int:
    """Candles that come in `_HEALING_SECONDS` of real time, and never fewer than by default."""
    default: int = LogicEngineSection.model_fields["hole_patience"].default
    return max(default, ceil(_HEALING_SECONDS * 1000 * speed / Timeframe.M1.millis))


def stale_after(speed: float) -> int:
    """Market time without a candle, in ms, that is an outage: none is what heals in `_HEALING_SECONDS` of real time."""
    default: int = LogicEngineSection.model_fields["stale_after"].default
    return default + ceil(_HEALING_SECONDS * 1000 * speed)


def clock_alarm(speed: float) -> int:
    """Ms of market time that a message takes on its way in the time in which, by default, a clock counts as wrong."""
    default: int = IngestorSection.model_fields["clock_alarm"].default
    return ceil(default * max(1.0, speed))


def lateness(speed: float) -> dict[str, int]:
    """The notifier's `late_after` and `late_ttl` in ms of market time: people wait in real time."""
    fields = TelegramNotifierSection.model_fields
    return {name: ceil(fields[name].default * max(1.0, speed)) for name in ("late_after", "late_ttl")}
