"""Settings become services; a process loads only what the services it runs need; faults are named all at once."""

import json

import pytest

from services.wiring import SERVICES, Wiring
from shared.adapters.bus import memory as memory_bus
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory as memory_store
from shared.errors import ConfigurationError
from shared.runtime.settings import load
from tests.flows.processes import python
from tests.makers import START

HEAVY = ("httpx", "matplotlib", "mplfinance", "pandas", "telegram", "websockets")
FORBIDDEN = {
    "ingestor": {"matplotlib", "mplfinance", "pandas", "telegram"},
    "aggregator": set(HEAVY),
    "backfiller": {"matplotlib", "mplfinance", "pandas", "telegram"},
    "logic_engine": set(HEAVY),
    "macro_engine": {"matplotlib", "mplfinance", "pandas", "telegram", "websockets"},
    "telegram_notifier": {"websockets"},
}
PROBE = """
import asyncio, json, sys
from services.wiring import Wiring
from shared.runtime.settings import load
async def probe():
    wiring = Wiring(load(None, {}, {"telegram": {"token": "1:planted"}, "telegram_notifier": {"chats": ["@signals"]}}))
    wiring.check([sys.argv[1]])
    services = wiring.services([sys.argv[1]])
    assert [service.name for service in services] == [sys.argv[1]]
    print(json.dumps(sorted(set(sys.modules) & set(sys.argv[2:]))))
    await wiring.close()
asyncio.run(probe())
"""


def settings(**overrides):
    return load(None, {}, overrides, default_file=None)


class Outside:
    """An exchange, a notifier and a renderer that nobody calls."""

    exchange = "bybit-linear"

    async def close(self):
        raise AssertionError("what is given is closed by whoever made it")


async def test_every_service_is_made_from_default_settings():
    clock = ManualClock(START)
    outside = dict.fromkeys(("exchanges", "notifiers", "charts"), Outside())
    bus = memory_bus.create(memory_bus.Options(), clock)
    store = memory_store.create(memory_store.Options(), clock)
    given = {"clock": clock, "bus": bus, "stores": store, **outside}
    wiring = Wiring(settings(telegram_notifier={"chats": ["@signals"]}), given)
    wiring.check(SERVICES)
    assert [service.name for service in wiring.services(SERVICES[::-1])] == list(SERVICES)
    assert (wiring.bus, wiring.store, wiring.outbox) == (bus, store, store)
    await wiring.close()


async def test_an_adapter_is_made_once_and_closed_at_the_end(tmp_path):
    wiring = Wiring(settings(data_dir=str(tmp_path)))
    assert wiring.bus is wiring.bus
    await wiring.bus.publish("topic", [])
    await wiring.close()
    assert min(path.name for path in tmp_path.iterdir()).startswith("sqlite_bus")


def test_all_faults_are_named_at_once():
    wiring = Wiring(settings(charts="crayons", bybit={"category": "futures"}, sqlite_bus={"paht": "x"}))
    with pytest.raises(ConfigurationError) as error:
        wiring.check(SERVICES)
    text = str(error.value)
    for words in (
        "unknown charts adapter 'crayons'; known: mplfinance",
        "bybit.category",
        "unknown setting 'sqlite_bus.paht'; did you mean 'path'?",
        "telegram.token is not set",
        "telegram_notifier.chats is empty",
    ):
        assert words in text
    assert len(text.splitlines()) == 5


def test_the_macro_engine_has_an_exchange_of_its_own_or_none():
    wiring = Wiring(settings(exchange="bybit-spot"))
    assert (wiring.market.exchange, wiring.macro_history.exchange) == ("bybit-spot", "kraken-spot")
    assert wiring.settings.options("exchanges", "kraken-spot").category == "spot"
    assert Wiring(settings(macro_exchange="")).macro_history is None
    with pytest.raises(ConfigurationError, match="macro_exchange: 'recorded' has no candles"):
        _ = Wiring(settings(macro_exchange="recorded", recorded={"files": ["trades.csv"]})).macro_history


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"macro_exchange": "mtgox"}, "unknown exchanges adapter 'mtgox'; known: bybit, kraken"),
        ({"kraken": {"puase": 1}}, "unknown setting 'kraken.puase'; did you mean 'pause'?"),
        ({"macro_exchange": "kraken-futures"}, "kraken.category"),
        ({"macro_engine": {"calibration": [[0.0, 60.0], [0.5, 50.0]]}}, "macro_engine.calibration ((0.0, 60.0), "),
    ],
)
def test_faults_of_the_macro_engine_are_found_by_the_check(overrides, words):
    with pytest.raises(ConfigurationError) as error:
        Wiring(settings(**overrides)).check(["macro_engine"])
    assert words in str(error.value)


def test_only_what_the_named_services_need_is_checked():
    Wiring(settings(charts="crayons")).check(["aggregator", "ingestor"])
    with pytest.raises(ConfigurationError, match="unknown service painter; known: aggregator"):
        Wiring(settings()).check(["painter"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_process_loads_only_what_its_service_needs(tmp_path, service):
    done = python(tmp_path, "-c", PROBE, service, *HEAVY)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) & FORBIDDEN[service] == set()


def test_wrong_strategy_parameters_are_found_by_the_check_too():
    environment = {
        "TRACKER__STRATEGIES__RSI_DIVERGENCE__OVERSOLD": "130",
        "TRACKER__STRATEGIES__RSI_DIVERGENCE__SYMBOLS__BTCUSDT__PIVOT_LEFT": "0",
    }
    with pytest.raises(ConfigurationError) as caught:
        Wiring(load(None, environment, default_file=None)).check(["logic_engine"])
    assert "oversold = 130" in str(caught.value)
    assert "pivot_left = 0" in str(caught.value)


def test_shadows_come_from_the_environment_and_their_faults_are_found_by_the_check():
    environment = {
        "TRACKER__SHADOWS__TIGHT__STRATEGY": "rsi_divergence",
        "TRACKER__SHADOWS__TIGHT__STOP_LOSS_PCT": "0.5",
        "TRACKER__SHADOWS__LOOSE__OVERSOLD": "40",
        "TRACKER__MACRO_GATE__ACTIVATE": "60",
    }
    with pytest.raises(ConfigurationError) as caught:
        Wiring(load(None, environment, default_file=None)).check(["logic_engine"])
    first, second = str(caught.value).splitlines()
    assert first.startswith("shadows.loose.strategy is not set; known: ")
    assert second == "macro_gate.release 70 and activate 60: 0 <= release <= activate <= 100 is needed"
    environment["TRACKER__SHADOWS__LOOSE__STRATEGY"] = "rsi_threshold"
    environment["TRACKER__MACRO_GATE__RELEASE"] = "50"
    Wiring(load(None, environment, default_file=None)).check(["logic_engine"])
    with pytest.raises(ConfigurationError, match="shadows"):
        load(None, {"TRACKER__SHADOWS__A@B__STRATEGY": "rsi_divergence"}, default_file=None)


def test_the_sandbox_plays_a_recording_while_the_clock_is_in_it_and_refuses_one_that_is_over(tmp_path):
    path = tmp_path / "trades.csv"
    path.write_text(f"timestamp,price,quantity,id\n{START},100,1,1\n{START + 90_000},101,1,2\n")
    recorded = settings(symbols=["ABUSDT"], sandbox={"trades": [str(path)]}, clock="scaled", scaled={"market_start": 0})
    (service,) = Wiring(recorded, {"clock": ManualClock(START)}).services(["sandbox"])
    assert service.name == "sandbox"
    with pytest.raises(ConfigurationError, match=f"TRACKER__SCALED__MARKET_START={START}"):
        Wiring(recorded, {"clock": ManualClock(START + 120_000)}).services(["sandbox"])
