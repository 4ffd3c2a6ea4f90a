"""What the chosen bus and stores need is made once, however often one asks; where nothing is needed, that is said."""

import asyncio
import json
import logging
import socket
import sys

import pytest

from services.cli import bootstrap as bootstrap_module
from services.cli.main import main
from shared.adapters.bus import pubsub
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import bigtable
from shared.adapters.wire import bigtable_schema
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError
from shared.messages.catalog import CONTRACTS, SIGNALS, subscription
from shared.ports import Message
from tests.adapters.contract import bigtable_emulator, pubsub_emulator
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle

BTC = Instrument(EXCHANGE, SYMBOL)
SUBSCRIPTIONS = (
    *((each.topic, subscription(each, service)) for each in CONTRACTS for service in each.consumers),
    (SIGNALS.dead_letter, "operator"),
)


@pytest.fixture(autouse=True)
def _settings(tmp_path, monkeypatch):
    """A folder without settings, and the logging of this process as it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def pubsub_options(tmp_path, monkeypatch):
    """A project of its own on the emulator, chosen by the environment; nothing is created when it is first missed."""
    options = {"project": pubsub_emulator.project(tmp_path), "emulator_host": pubsub_emulator.shared_host()}
    monkeypatch.setenv("TRACKER__BUS", "pubsub")
    for name, value in options.items():
        monkeypatch.setenv(f"TRACKER__PUBSUB_BUS__{name.upper()}", value)
    return pubsub.Options(**options, create_missing=False)


@pytest.fixture
def bigtable_options(tmp_path, monkeypatch):
    """An instance of its own on the emulator, chosen by the environment."""
    options = {"instance": tmp_path.name, "emulator_host": bigtable_emulator.session().address, "project": "local"}
    monkeypatch.setenv("TRACKER__STORE", "bigtable")
    for name, value in options.items():
        monkeypatch.setenv(f"TRACKER__BIGTABLE_STORE__{name.upper()}", value)
    return bigtable.Options(**options)


def ready(capsys):
    """What the command says it has prepared."""
    assert main(["bootstrap", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)["ready"]


def test_sqlite_needs_no_preparation_and_gets_none(tmp_path, capsys):
    assert main(["bootstrap"]) == 0
    assert capsys.readouterr().out == "the chosen bus and stores need no preparation\n"
    assert ready(capsys) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("pubsub_options", "bigtable_options")
def test_everything_that_was_prepared_is_named(capsys):
    assert main(["bootstrap"]) == 0
    assert capsys.readouterr().out == "ready: pubsub (bus), bigtable (stores)\n"


def test_topics_and_subscriptions_are_made_once_and_keep_what_they_hold(pubsub_options, capsys):
    with pytest.raises(ConfigurationError, match="tracker bootstrap"):
        asyncio.run(publish_everywhere(pubsub_options))
    assert ready(capsys) == ["pubsub (bus)"]
    asyncio.run(publish_everywhere(pubsub_options))
    assert ready(capsys) == ["pubsub (bus)"]
    assert asyncio.run(pull_everywhere(pubsub_options)) == [topic.encode() for topic, _ in SUBSCRIPTIONS]


async def publish_everywhere(options):
    """One message on every topic, which says where it was published."""
    bus = pubsub.create(options, ManualClock())
    try:
        for topic in {topic: None for topic, _ in SUBSCRIPTIONS}:
            await bus.publish(topic, [Message(topic.encode())])
    finally:
        await bus.close()


async def pull_everywhere(options):
    """What every subscription holds, one message each."""
    bus = pubsub.create(options, ManualClock())
    views = [await bus.subscribe(topic, name) for topic, name in SUBSCRIPTIONS]
    found = [delivery.message.data for view in views for delivery in await view.pull()]
    await bus.close()
    return found


def test_tables_are_made_once_and_keep_what_they_hold(bigtable_options, capsys):
    assert asyncio.run(tables(bigtable_options)) == set()
    assert ready(capsys) == ["bigtable (stores)"]
    assert asyncio.run(tables(bigtable_options)) == set(bigtable_schema.TABLES)
    asyncio.run(write(bigtable_options, make_candle()))
    assert ready(capsys) == ["bigtable (stores)"]
    assert asyncio.run(read(bigtable_options)) == [make_candle()]


async def tables(options):
    """Names of the tables that are there."""
    client = bigtable_schema._admin(bigtable_schema.Place(options.project, options.instance, options.emulator_host))
    found = await client.list_tables(parent=f"projects/{options.project}/instances/{options.instance}")
    names = {table.name.rpartition("/")[2] async for table in found}
    await client.transport.close()
    return names


async def write(options, candle):
    store = bigtable.create(options, ManualClock())
    assert await store.write([candle]) == [candle]
    await store.close()


async def read(options):
    store = bigtable.create(options, ManualClock())
    candles = await store.read(BTC, Timeframe.M1, START, START + MINUTE)
    await store.close()
    return candles


@pytest.mark.usefixtures("bigtable_options")
def test_the_store_of_the_outbox_is_prepared_too(monkeypatch, capsys):
    monkeypatch.setenv("TRACKER__STORE", "sqlite")
    monkeypatch.setenv("TRACKER__OUTBOX", "bigtable")
    assert ready(capsys) == ["bigtable (stores)"]


def test_a_broker_that_stays_away_is_unavailable_and_the_reason_is_shown(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap_module, "_PATIENCE_SECONDS", 0.5)
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("TRACKER__BUS", "pubsub")
        monkeypatch.setenv("TRACKER__PUBSUB_BUS__EMULATOR_HOST", address)
        assert main(["bootstrap", "--json"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"Pub/Sub at {address} cannot create topic" in captured.err
    assert captured.err.endswith("tracker: not ready after 0.5 s; the reason is above\n")
