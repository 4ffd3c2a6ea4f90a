"""An adapter's name in, the adapter as the contract suites test it out. A new adapter gets its entry here, or its suite
fails; one that needs a server names the environment variable that says where it is, and is skipped by name without."""

import os
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.adapters import loader
from shared.adapters.clock.manual import ManualClock
from shared.ports import Bus, CandleStore, DocumentStore, Ledger, OutboxStore, Store
from tests.adapters.contract import bigtable_emulator, pubsub_emulator, redis_server
from tests.makers import START

EVERY_STORE = (CandleStore, Ledger, OutboxStore, DocumentStore)

CAPACITY = 50
"""Outstanding messages after which `publish` waits, in every bus under test."""


@dataclass(frozen=True)
class Subject:
    """`options` from a folder. A `durable` adapter survives its process; a durable bus says how to end it as SIGKILL
    would (`kill`), and after how many ms another process has what it held (`lease_millis`). A store says which `ports`
    it offers."""

    options: Callable[[Path], dict[str, object]]
    durable: bool = False
    kill: Callable[[object], Awaitable[None]] | None = None
    lease_millis: int = 0
    server: str = ""
    ports: tuple[type, ...] = EVERY_STORE


async def kill_sqlite_bus(bus) -> None:
    """No lease is renewed and none is given back from here on."""
    bus._watching.cancel()
    await bus.thread.close()


def pubsub_options(folder: Path) -> dict[str, object]:
    """Each folder is a project. The lease is short, so that a killed process is soon forgotten."""
    return {
        "project": pubsub_emulator.project(folder),
        "emulator_host": pubsub_emulator.shared_host(),
        "max_outstanding": CAPACITY,
        "lease_seconds": 2,
        "extend_seconds": 0.5,
    }


async def kill_pubsub_bus(bus) -> None:
    """No lease is renewed and none is given back from here on."""
    for intake in bus._intakes.values():
        intake._keeper.cancel()
    await bus._api.close()


def bigtable_options(folder: Path) -> dict[str, object]:
    """The emulator takes any name for an instance: each folder is one."""
    return {"emulator_host": bigtable_emulator.session().address, "instance": f"i{zlib.crc32(bytes(folder))}"}


def redis_options(folder: Path) -> dict[str, object]:
    """Each folder is a prefix."""
    return {"url": redis_server.session().url, "prefix": str(folder)}


BUSES = {
    "memory": Subject(lambda _: {"max_outstanding": CAPACITY}),
    "sqlite": Subject(
        lambda folder: {"path": folder / "bus.db", "max_outstanding": CAPACITY, "poll_millis": 5},
        durable=True,
        kill=kill_sqlite_bus,
        lease_millis=10_000,
    ),
    "pubsub": Subject(pubsub_options, durable=True, kill=kill_pubsub_bus, lease_millis=2_000),
}
STORES = {
    "memory": Subject(lambda _: {}),
    "sqlite": Subject(lambda folder: {"path": folder / "store.db"}, durable=True),
    "bigtable": Subject(bigtable_options, durable=True),
    "redis": Subject(redis_options, durable=True, ports=(OutboxStore,)),
}
_OF_KIND = {"bus": BUSES, "stores": STORES}


def subject(kind: str, name: str) -> Subject:
    """The entry of an adapter; fails without one, skips where its server is not named."""
    known = _OF_KIND[kind].get(name)
    if known is None:
        pytest.fail(f"{kind} adapter {name!r} is not tested: give it an entry in {Path(__file__).name}")
    if known.server and known.server not in os.environ:
        pytest.skip(f"{kind} adapter {name!r} needs a server: set {known.server}")
    return known


def names(kind: str, *, durable: bool = False, port: type | None = None) -> list[str]:
    """Every adapter of a kind; with `durable`, those that survive their process; with `port`, those that offer it
    (unknown ones stay, to fail)."""
    unknown = Subject(lambda _: {}, durable=True, ports=EVERY_STORE)
    known = {name: _OF_KIND[kind].get(name, unknown) for name in loader.names(kind)}
    return [
        name for name, each in known.items() if (each.durable or not durable) and (port is None or port in each.ports)
    ]


def create(kind: str, name: str, folder: Path, clock: ManualClock | None = None, **options: object):
    """The adapter, as its settings would create it."""
    module = loader.load(kind, name)
    merged = subject(kind, name).options(folder) | options
    return module.create(module.Options(**merged), clock or ManualClock(START))


def create_bus(name: str, folder: Path, clock: ManualClock | None = None) -> Bus:
    """A bus under test."""
    return create("bus", name, folder, clock)


def create_store(name: str, folder: Path) -> Store:
    """A store under test."""
    return create("stores", name, folder)
