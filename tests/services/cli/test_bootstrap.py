"""What the chosen bus and stores need is made once, however often one asks; where nothing is needed, that is said."""

import json
import logging
import sys

import pytest

from services.cli import bootstrap as bootstrap_module
from services.cli.main import main
from shared.adapters.bus import pubsub
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import bigtable
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError
from shared.messages.catalog import CONTRACTS, SIGNALS, subscription
from shared.ports import Message
from tests.adapters.contract import bigtable_emulator, pubsub_emulator
from tests.makers import EXCHANGE, START, SYMBOL, make_candle

BTC = Instrument(EXCHANGE, SYMBOL)


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


def test_topics_and_subscriptions_are_made_once_and_keep_what_they_hold(pubsub_options, capsys, runner):
    async def listen():
        bus = pubsub.create(pubsub_options, ManualClock())
        try:
            for contract in CONTRACTS:
                for service in contract.consumers:
                    await bus.subscribe(contract.topic, subscription(contract, service))
            await bus.subscribe(SIGNALS.dead_letter, "operator")
        finally:
            await bus.close()

    async def hold():
        bus = pubsub.create(pubsub_options, ManualClock())
        await bus.publish(SIGNALS.topic, [Message(b"kept")])
        await bus.close()

    async def held():
        bus = pubsub.create(pubsub_options, ManualClock())
        view = await bus.subscribe(SIGNALS.topic, subscription(SIGNALS, "telegram_notifier"))
        found = [delivery.message.data for delivery in await view.pull()]
        await bus.close()
        return found

    with pytest.raises(ConfigurationError, match="tracker bootstrap"):
        runner.run(listen())
    assert ready(capsys) == ["pubsub (bus)"]
    runner.run(listen())
    runner.run(hold())
    assert ready(capsys) == ["pubsub (bus)"]
    assert runner.run(held()) == [b"kept"]
