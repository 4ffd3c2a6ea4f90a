"""The macro engine's Cloud Function as Google runs it: staged, started by functions-framework, called by HTTP, and its
biases pulled from a real Pub/Sub emulator; the venue is the sandbox's Kraken."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest

from services.cli.parts.local_cloud import free_port
from services.sandbox.generated_market import GeneratedMarket
from shared.adapters import loader
from shared.adapters.clock.system import SystemClock
from shared.messages.catalog import MACRO_BIAS, subscription
from shared.messages.codec import decode
from tests.adapters.contract import pubsub_emulator
from tests.architecture.house import ROOT
from tests.flows.processes import environment
from tests.makers import MINUTE, START
from tests.services.sandbox.conftest import running

SYMBOLS = ("BTCUSDT", "DOGEUSDT")
NEWEST = START + 5 * MINUTE  # end of the newest 5-minute candle that is over when the market stands
_START_SECONDS = 30


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The function's source as Cloud Build uploads it."""
    stage = tmp_path_factory.mktemp("function") / "source"
    subprocess.run([str(ROOT / "scripts" / "stage_function.sh"), str(stage)], check=True)  # noqa: S603 - our own script
    return stage


@asynccontextmanager
async def function(source, folder, **settings):
    """The function's process; gives its address."""
    port = free_port()
    variables = {name: value for name, value in environment(**settings).items() if name != "PYTHONPATH"}
    with (folder / "function.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "functions_framework", "--target", "run_signal_generation", "--port", str(port),
            cwd=source, env=variables, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            await listening(process, port, folder / "function.log")
            yield f"http://127.0.0.1:{port}/"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def listening(process, port, log):
    clock, attempts = SystemClock(), _START_SECONDS * 20
    for _ in range(attempts):
        assert process.returncode is None, log.read_text()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await clock.sleep(50)
        else:
            writer.close()
            return
    pytest.fail(log.read_text())


def settings_for(folder, rest_url):
    return {
        "TRACKER__SYMBOLS": ",".join(SYMBOLS),
        "TRACKER__BUS": "pubsub",
        "TRACKER__PUBSUB_BUS__PROJECT": pubsub_emulator.project(folder),
        "TRACKER__PUBSUB_BUS__EMULATOR_HOST": pubsub_emulator.shared_host(),
        "TRACKER__STORE": "memory",
        "TRACKER__KRAKEN__REST_URL": rest_url,
        "TRACKER__KRAKEN__PAUSE": "0",
        "TRACKER__CLOCK": "scaled",
        "TRACKER__SCALED__MARKET_START": str(START + 7 * MINUTE),
    }


@asynccontextmanager
async def opened_bus(folder):
    """The bus as the logic engine has it, with its subscription."""
    module = loader.load("bus", "pubsub")
    options = module.Options(project=pubsub_emulator.project(folder), emulator_host=pubsub_emulator.shared_host())
    await module.bootstrap(options)
    bus = module.create(options, SystemClock())
    try:
        yield await bus.subscribe(MACRO_BIAS.topic, subscription(MACRO_BIAS, "logic_engine"))
    finally:
        await bus.close()


async def pulled(source, count):
    found = []
    async with asyncio.timeout(20):
        while len(found) < count:
            deliveries = await source.pull()
            await source.ack(deliveries)
            found += [decode(delivery.message) for delivery in deliveries]
    return found


async def test_a_call_publishes_a_bias_for_every_symbol_and_says_so(source, tmp_path):
    market = GeneratedMarket(seed=7, start=START, history=1_600, symbols=SYMBOLS)
    async with running(market) as sandbox, opened_bus(tmp_path) as biases, aiohttp.ClientSession() as http:
        sandbox.clock.advance_to(START + 7 * MINUTE)
        async with function(source, tmp_path, **settings_for(tmp_path, sandbox.at.rest_url)) as url:
            async with http.get(url) as refused:
                assert refused.status == 405
            for _ in range(2):  # a second call finds the process warm, and an event loop of its own
                async with http.post(url) as answer:
                    said = await answer.json()
                    assert (answer.status, said["without"], said["trouble"]) == (200, {}, ""), said
                told = {bias.symbol: bias for bias in await pulled(biases, len(SYMBOLS))}
                assert set(told) == set(SYMBOLS)
                for line in said["published"]:
                    bias = told[line["symbol"]]
                    assert (line["id"], line["source"]) == (bias.bias_id, "kraken-spot")
                    assert (line["direction"], line["confidence"]) == (bias.direction, bias.confidence)
                    assert (bias.exchange, bias.time, said["time"]) == ("bybit-linear", NEWEST, NEWEST)
            await sandbox.fault(kraken_refuse="busy")
            async with http.post(url) as answer:
                said = await answer.json()
                assert (answer.status, said["published"]) == (200, [])
                assert said["trouble"] == "Kraken answered EService:Busy"
                assert set(said["without"]) == set(SYMBOLS)


async def test_wrong_settings_are_told_to_the_caller(source, tmp_path):
    async with aiohttp.ClientSession() as http:
        wrong = settings_for(tmp_path, "kraken")
        async with function(source, tmp_path, **wrong) as url, http.post(url) as answer:
            assert answer.status == 500
            assert "kraken.rest_url" in (await answer.json())["error"]
