"""The outside world is away, comes alive, and stays while the platform is ended and started: nothing needs a hand."""

import asyncio
import json
import re
import socket
import time
import urllib.request
from contextlib import asynccontextmanager

import pytest

from services.cli.parts.stage import MARKET_START
from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.service import create
from shared.adapters.clock.scaled import ScaledClock
from tests.flows.processes import running, tracker

TOKEN, CHAT = "1:sandbox", "@sandbox_signals"
SPEED = 120
HEAD_START = 5_000  # ms of the wall until the market starts: the processes start, and find nobody, before it
SETTINGS = """
symbols = ["SUIUSDT", "BTCUSDT", "ETHUSDT"]
clock = "scaled"
[scaled]
market_start = {market_start}
wall_start = {wall_start}
speed = {speed}
[bybit]
ws_url = "ws://127.0.0.1:{port}"
rest_url = "http://127.0.0.1:{port}"
backoff_first = 0.2
backoff_most = 0.5
[kraken]
rest_url = "http://127.0.0.1:{port}"
[telegram]
token = "{token}"
base_url = "http://127.0.0.1:{port}/bot"
[telegram_notifier]
chats = ["{chat}"]
[ingestor]
pack_millis = 1000
clock_alarm = 60000
[logic_engine]
hole_patience = 60
stale_after = 3600000
[backfiller]
warm_up = 400
[page]
port = 0
"""


@pytest.fixture
def port():
    """A port of this machine where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def wall_start(tmp_path, port):
    """When the market starts, ms of the wall; the settings of the processes are in `tmp_path`."""
    start = time.time_ns() // 1_000_000 + HEAD_START
    values = {"market_start": MARKET_START, "wall_start": start, "speed": SPEED, "port": port}
    (tmp_path / "tracker.toml").write_text(SETTINGS.format(token=TOKEN, chat=CHAT, **values))
    return start


@asynccontextmanager
async def sandbox(port, wall_start):
    clock = ScaledClock(MARKET_START, wall_start, SPEED)
    market = GeneratedMarket(seed=7, start=MARKET_START)
    service = create(clock=clock, market=market, token=TOKEN, chat=CHAT, port=port, speed=SPEED)
    serving = asyncio.create_task(service.run())
    try:
        await service.started()
        yield service
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def read(address):
    with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - an address of our own
        return json.load(answer)


async def until(process, condition, seconds=20):
    await asyncio.to_thread(process.wait_for, condition, seconds)


async def test_it_waits_for_the_world_and_goes_on_where_it_was_ended(tmp_path, port, wall_start):
    with running(tmp_path, "run") as platform:
        await until(platform, lambda: platform.address("health and metrics"))
        health = f"{platform.address('health and metrics')}/health"
        retry = re.compile(rf"feed disconnected .*cannot reach ws://127.0.0.1:{port}\S* \(connection refused\); trying")
        await until(platform, lambda: len(retry.findall(platform.stderr)) >= 2)
        report = await asyncio.to_thread(read, health)
        assert report["status"] == "degraded"
        assert f"cannot reach ws://127.0.0.1:{port}" in report["services"]["ingestor"]["detail"]
        assert "Traceback" not in platform.stderr

        async with sandbox(port, wall_start):
            channel = f"http://127.0.0.1:{port}/sandbox/channel.json"

            def said():
                """How many messages show each signal, in the order of the first; notices about outages are others."""
                report = read(channel)
                order = dict.fromkeys(message["signal_id"] for message in report["messages"])
                return {name: report["signals"][name] for name in order if name is not None}

            await until(platform, lambda: read(health)["status"] == "ok")
            await until(platform, said)
            code, seconds = await asyncio.to_thread(platform.interrupt)
            assert (code, seconds < 8) == (0, True), platform.stderr
            assert "Traceback" not in platform.stderr
            before = await asyncio.to_thread(said)

            with running(tmp_path, "run") as again:
                await until(again, lambda: len(said()) >= len(before) + 1)
                code, seconds = await asyncio.to_thread(again.interrupt)
                assert (code, seconds < 8) == (0, True), again.stderr
            shown = await asyncio.to_thread(said)
    assert list(shown)[: len(before)] == list(before)
    assert set(shown.values()) == {1}, "a signal was sent twice"
    signals = json.loads(tracker(tmp_path, "signals", "--json").stdout)["signals"]
    assert len([line for line in signals if line["kind"] == "entry"]) >= len(shown) > 1
    candles = json.loads(tracker(tmp_path, "candles", "SUIUSDT", "-n", 400, "--json").stdout)["candles"]
    times = [candle["open_time"] for candle in candles]
    assert times == list(range(times[0], times[-1] + 60_000, 60_000)), "no minute is missing"
