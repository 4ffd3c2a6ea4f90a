"""The real services, scripts and cloud files in; faults that end such systems, each shown not to be there, out.

Only what no other test would catch stands here; ``docs/known-faults.md`` has the whole list.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from services.aggregator import service as aggregator
from services.ingestor import service as ingestor
from services.logic_engine import service as logic_engine
from services.telegram_notifier import service as telegram_notifier
from services.wiring import Wiring
from shared.adapters.bus import memory as memory_bus
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory as memory_store
from shared.domain.book import BookKey
from shared.domain.feed import FeedConnected, FeedTrades
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError
from shared.runtime.host import Host
from shared.runtime.page import Page
from shared.runtime.sections import AggregatorSection, IngestorSection, LogicEngineSection, TelegramNotifierSection
from shared.runtime.service import HealthStatus
from shared.runtime.settings import load
from tests.architecture.house import ROOT, texts
from tests.flows.processes import environment
from tests.infra.declared import cloud_build, terraform
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, make_pack, make_trade
from tests.services.aggregator.surroundings import Platform
from tests.services.ingestor.parts import ScriptedFeed, eventually
from tests.services.telegram_notifier.stage import CHAT, Chat, Renderer

BTC = Instrument(EXCHANGE, SYMBOL)
BOOK = BookKey("rsi_threshold", EXCHANGE, SYMBOL)
CLOSING = AggregatorSection().grace + 50  # ms after a minute's end at which the next trade comes
PUBLIC = re.compile(
    r"google_(cloud_run(_v2)?_service|cloudfunctions_|app_engine|api_gateway|compute_.*forwarding_rule)"
)
# The one thing with an address, and the right to call it: tests/infra/test_terraform.py shows who has it.
CALLED = {"google_cloudfunctions2_function", "google_cloud_run_v2_service_iam_member"}


class Home:
    """All services of the live path in one process, with the settings' defaults; trades are put in, time is moved."""

    def __init__(self):
        self.clock = ManualClock(START)
        self.feed, self.chat = ScriptedFeed(), Chat()
        self.store = memory_store.create(memory_store.Options(), self.clock)
        bus = memory_bus.create(memory_bus.Options(), self.clock)
        world = {"bus": bus, "clock": self.clock}
        section = LogicEngineSection(live_from=START).model_dump(exclude={"strategies"})
        packing = IngestorSection(pack_millis=1).model_dump()
        self.host = Host(
            [
                aggregator.create(
                    store=self.store,
                    documents=self.store,
                    machine_clock=self.clock,
                    holder="one",
                    is_gone=lambda _: False,
                    exchange=EXCHANGE,
                    **AggregatorSection().model_dump(),
                    **world,
                ),
                logic_engine.create(
                    store=self.store,
                    ledger=self.store,
                    documents=self.store,
                    exchange=EXCHANGE,
                    symbols=[SYMBOL],
                    strategies={"rsi_threshold": {}},
                    **section,
                    **world,
                ),
                telegram_notifier.create(
                    store=self.store,
                    ledger=self.store,
                    outbox=self.store,
                    notifier=self.chat,
                    charts=Renderer(),
                    documents=self.store,
                    **TelegramNotifierSection(chats=(CHAT,), budget_per_minute=0).model_dump(),
                    **world,
                ),
                ingestor.create(feed=self.feed, history=None, symbols=[SYMBOL], run_prefix="r", **packing, **world),
            ],
            self.clock,
        )

    async def trade(self, after_start, *trades):
        """`trades` are (price, quantity), all at the same millisecond of market time; returns when they are packed."""
        time = START + after_start
        self.clock.advance_to(time)
        made = [make_trade(time, price, size, trade_id=f"{time}-{n}") for n, (price, size) in enumerate(trades)]
        before = self._packs()
        self.feed.say(FeedTrades(tuple(made), time + 1, time + 1))
        await eventually(self.feed.queue.empty)
        self.clock.advance_to(time + 2)
        await eventually(lambda: self._packs() > before)

    async def candles(self, count):
        """The first `count` candles since the start, once they are evaluated."""
        newest = START + (count - 1) * MINUTE
        async with asyncio.timeout(5):
            while await self._evaluated_to() < newest:  # noqa: ASYNC110 - a store gives no sign to wait for
                await asyncio.sleep(0)
        return await self.store.read(BTC, Timeframe.M1, START, START + count * MINUTE)

    async def _evaluated_to(self):
        books = await self.store.load_books([BOOK])
        return books[BOOK].evaluated_to if books else 0

    def _packs(self):
        return self.host.health()["ingestor"].facts.get("packs", 0)


@pytest.fixture
async def home():
    """Five hours of a calm market are history; the services are connected at START."""
    made = Home()
    prices = ["100" if n % 2 else "100.1" for n in range(300)]
    await made.store.write([make_candle(START + (n - 300) * MINUTE, price) for n, price in enumerate(prices)])
    running = asyncio.create_task(made.host.run())
    made.feed.say(FeedConnected((SYMBOL,), {}, START))
    await made.candles(0)
    yield made
    assert {name: health.status for name, health in made.host.health().items()} == dict.fromkeys(
        ("aggregator", "logic_engine", "telegram_notifier", "ingestor"), HealthStatus.OK
    )
    made.host.stop()
    await running


async def fall_and_recover(home):
    """A fall on volume in minute 0 (a long entry at 97), a rise to its take-profit level in minute 1."""
    await home.trade(10_000, ("99", "4"), ("98", "4"))
    await home.trade(50_000, ("97", "4"))
    await home.trade(MINUTE + CLOSING, ("97.5", "1"))
    await eventually(lambda: home.chat.messages)
    await home.trade(MINUTE + 30_000, ("98.5", "1"))
    await home.trade(2 * MINUTE + CLOSING, ("98", "1"))
    await eventually(lambda: home.chat.messages[1][0].startswith("✅"))


async def test_trades_of_the_feed_are_in_the_candle_and_its_signals_levels_in_the_message(home):
    await home.trade(10_000, ("99", "4"), ("98", "4"))
    await home.trade(50_000, ("97", "4"))
    await home.trade(MINUTE + CLOSING, ("97.5", "1"))
    (candle,) = await home.candles(1)
    assert (candle.quantity, candle.trades, candle.close, candle.complete) == (Decimal(12), 3, Decimal(97), True)
    await eventually(lambda: home.chat.messages)
    (signal,) = await home.store.signals(10)
    ((text, _),) = home.chat.messages.values()
    shown = [float(number) for number in re.findall(r"(?:Entry|Take Profit|Stop)\W*(?:</?\w+>)*\W*([\d.]+)", text)]
    assert shown == pytest.approx([signal.entry_price, signal.take_profit, signal.stop_loss], abs=0.05), text
    assert (signal.take_profit, signal.stop_loss) == pytest.approx((97 * 1.015, 97 * 0.993))


async def test_a_message_is_out_within_a_second_of_the_end_of_its_candle(home):
    await home.trade(50_000, ("97", "12"))
    await home.trade(MINUTE + CLOSING, ("97.5", "1"))
    await eventually(lambda: home.chat.messages)
    assert home.clock.now() - (START + MINUTE) < 1_000, "nothing waited for a timer: time stood still"


async def test_a_symbol_speaks_again_when_its_trade_is_over(home):
    await fall_and_recover(home)
    await home.trade(2 * MINUTE + 30_000, ("94", "20"))
    await home.trade(3 * MINUTE + CLOSING, ("94", "1"))
    await eventually(lambda: len(home.chat.messages) == 2)
    first, _, second = await home.store.signals(10)
    assert (first.entry_price, second.entry_price) == (97.0, 94.0)


async def test_no_trade_of_a_busy_second_is_dropped(home):
    for part in range(4):
        await home.trade(10_000 + part * 250, *[("100", "0.1")] * 700)
    await home.trade(MINUTE + CLOSING, ("100", "1"))
    (candle,) = await home.candles(1)
    assert (candle.trades, candle.quantity, candle.complete) == (2_800, Decimal(280), True)


async def test_two_aggregators_that_share_the_packs_never_say_a_part_is_the_whole():
    """The lease that keeps them apart is for progress only: here each has one of its own, and both work."""
    platform = await Platform().open()
    apart = memory_store.create(memory_store.Options(), platform.clock)
    ends = range(START + 10_000, START + 3 * MINUTE, 10_000)
    packs = [
        make_pack(seq, end, (make_trade(end - 5_000),), prior_event_time=end - 15_000) for seq, end in enumerate(ends)
    ]
    async with platform.running() as one, platform.running(documents=apart) as other:
        for pack in packs:
            await platform.send(pack)
            await platform.settle()
        shares = [service.health().facts["trades"] for service in (one, other)]
        assert min(shares) > 0, "both have a share"
        assert sum(shares) == len(packs)
    said = [candle for _, candle in await platform.published()]
    assert said, "what is not whole is told, so that it is healed"
    for candle in (*said, *await platform.candles()):
        assert candle.complete == (candle.trades == 6), candle


@asynccontextmanager
async def page_of(health):
    page = Page(health, "127.0.0.1", 0)
    try:
        yield await page.start()
    finally:
        await page.stop()


def status(address, method):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=5) as answer:  # noqa: S310 - our own
            return answer.status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


async def test_a_call_from_outside_can_read_but_starts_nothing():
    async with page_of(dict) as address:
        for path in ("/", "/health", "/ready", "/metrics"):
            assert await asyncio.to_thread(status, address + path, "GET") == 200
            for method in ("POST", "PUT", "DELETE"):
                assert await asyncio.to_thread(status, address + path, method) == 405


def test_nothing_in_the_cloud_has_an_address_that_anybody_could_call():
    assert [name for name in terraform()["resource"] if PUBLIC.match(name[0]) and name[0] not in CALLED] == []
    functions = [body for name, body in terraform()["resource"].items() if name[0] == "google_cloudfunctions2_function"]
    assert [body["service_config"][0]["ingress_settings"] for body in functions] == ["ALLOW_INTERNAL_ONLY"]
    deploying = [step for step in cloud_build()["steps"] if "gcloud run" in json.dumps(step)]
    assert deploying
    for step in deploying:
        commands = re.findall(r"gcloud run [a-z-]+", json.dumps(step))
        assert set(commands) == {"gcloud run worker-pools"}, step["id"]
        assert "unauthenticated" not in json.dumps(step)


def test_nobody_is_written_to_and_no_project_is_used_unless_they_are_named(monkeypatch):
    for name in ("GOOGLE_CLOUD_PROJECT", "PUBSUB_EMULATOR_HOST", "BIGTABLE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    settings = load(None, {"TRACKER__TELEGRAM__TOKEN": "t"}, default_file=None)
    with pytest.raises(ConfigurationError, match="chats is empty"):
        Wiring(settings).check(["telegram_notifier"])
    for kind, name in (("bus", "pubsub"), ("stores", "bigtable")):
        assert settings.options(kind, name).project == ""
    assert [name for name in ("project", "chats") if "default" in terraform()["variable"][name]] == []


def logic_engine_status(address):
    """It leaves ``starting`` with the first evaluation: the process is at work then."""
    with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:  # noqa: S310 - an address of our own
        return json.load(answer)["services"]["logic_engine"]["status"]


@pytest.fixture
def checkout(tmp_path):
    """A copy of what starts the platform, with an environment that counts as installed."""
    for name in ("start_services.sh", "scripts/python_env.sh", "pyproject.toml"):
        copy = tmp_path / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, command in (("python", ""), ("tracker", "-m services.cli.main")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n')
        program.chmod(0o755)
    known = f"{tmp_path}\n".encode() + (tmp_path / "pyproject.toml").read_bytes()
    mark = subprocess.run(["cksum"], input=known, capture_output=True, check=True)  # noqa: S607 - as the script does
    (tmp_path / ".venv" / ".installed-all").write_bytes(mark.stdout)
    return tmp_path


def test_what_the_start_script_started_ends_in_order_when_it_is_told_to(checkout):
    command = ["/bin/bash", str(checkout / "start_services.sh"), "aggregator", "logic_engine"]
    settings = environment(TRACKER__PAGE__PORT="0")
    with subprocess.Popen(command, cwd=checkout, env=settings, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        try:
            started = re.fullmatch(r"running aggregator, logic_engine; .*(http:\S+)\n", process.stderr.readline())
            assert started
            while logic_engine_status(started[1]) == "starting":
                assert process.poll() is None
            os.kill(process.pid, signal.SIGTERM)
            said = process.communicate(timeout=20)[1]
        finally:
            process.kill()
    assert (process.returncode, "Traceback" in said) == (0, False), said


def test_no_script_kills_what_could_still_finish():
    force = re.compile(r"\bp?kill(all)?\s+(-\w+\s+)*-(9|KILL|SIGKILL)\b|\bp?kill(all)?\s.*-s\s*(9|KILL|SIGKILL)\b")
    scripts = {
        str(path): text
        for path, text in texts().items()
        if path.suffix in {".sh", ".yaml", ".yml"} or path.name == "Dockerfile" or re.match("#!.*sh\n", text)
    }
    assert {"start_services.sh", "run_tests.sh", ".ci/run", "cloudbuild.yaml"} <= scripts.keys()
    assert [path for path, text in scripts.items() if force.search(text)] == []
    assert force.search("pkill -9 -f bot")
    assert force.search("kill -KILL 5")
