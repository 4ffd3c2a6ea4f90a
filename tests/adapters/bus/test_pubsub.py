"""What only the Pub/Sub bus does: leases and hand-over between processes, outages, and topics that must be there."""

import asyncio
import logging
import signal
import sys
import time
from contextlib import asynccontextmanager

import pytest
from pydantic import ValidationError

from shared.adapters.bus.pubsub import Options, bootstrap, create
from shared.adapters.clock.system import SystemClock
from shared.errors import ConfigurationError, InvalidMessage, Unavailable
from shared.messages.catalog import CANDLES, CONTRACTS, SIGNALS, TRADES, subscription
from shared.ports import Message
from tests.adapters.contract import pubsub_emulator

TOPIC = TRADES.topic
CHILD = """
import asyncio, sys
from shared.adapters.bus.pubsub import Options, create
from shared.adapters.clock.system import SystemClock

async def main(host, project, count):
    bus = create(Options(emulator_host=host, project=project), SystemClock())
    subscription = await bus.subscribe("raw-tick-data-bybit", "s")
    print("ready", flush=True)
    found = []
    while len(found) < int(count):
        found += await subscription.pull(1000)
    print(*sorted(one.message.data.decode() for one in found), flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


def numbered(numbers) -> list[Message]:
    return [Message(str(number).encode(), {"id": str(number)}) for number in numbers]


def spell(deliveries) -> list[str]:
    return sorted(delivery.message.data.decode() for delivery in deliveries)


async def collect(view, count: int):
    found = []
    while len(found) < count:
        found += await view.pull(1000)
    return found


async def said(text: str, caplog, task) -> None:
    """Return when the log says so; `task` is what is going on meanwhile."""
    while text not in caplog.messages:
        await asyncio.wait([task], timeout=0.05)


@pytest.fixture
async def open_bus(tmp_path):
    opened = []

    def open_one(**options):
        place = {"project": pubsub_emulator.project(tmp_path)}
        if "emulator_host" not in options:
            place["emulator_host"] = pubsub_emulator.shared_host()
        bus = create(Options(**place | options), SystemClock())
        opened.append(bus)
        return bus

    yield open_one
    await asyncio.gather(*(bus.close() for bus in opened))


@asynccontextmanager
async def consumer_process(folder, count: int):
    """Another process that pulls until it holds `count` messages, prints them, and lives on until it is killed."""
    arguments = (pubsub_emulator.shared_host(), pubsub_emulator.project(folder), str(count))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
            await child.wait()
        child._transport.close()


async def test_another_process_that_is_killed_loses_what_it_held_within_its_lease(open_bus, tmp_path):
    bus = open_bus()
    async with consumer_process(tmp_path, 30) as child:
        assert await child.stdout.readline() == b"ready\n"
        await bus.publish(TOPIC, numbered(range(30)))
        held = (await child.stdout.readline()).decode().split()
    killed = time.monotonic()
    successor = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, numbered([99]))
    assert spell(await successor.pull(1000)) == ["99"]
    assert time.monotonic() - killed < 2
    assert spell(await collect(successor, 30)) == sorted(held)
    assert time.monotonic() - killed < 13


async def test_release_hands_everything_to_another_process_at_once(open_bus, tmp_path):
    bus = open_bus()
    view = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, numbered(range(300)))
    await collect(view, 300)
    idle = asyncio.create_task(view.pull())  # our own open pull must not keep what is handed back
    async with consumer_process(tmp_path, 300) as child:
        assert await child.stdout.readline() == b"ready\n"
        released = time.monotonic()
        await view.release()
        assert (await child.stdout.readline()).decode().split() == sorted(str(number) for number in range(300))
        assert time.monotonic() - released < 4
    with pytest.raises(Unavailable, match="released"):
        await idle


async def test_a_process_that_lives_keeps_what_it_holds_far_beyond_its_lease(open_bus):
    holding, rival = (open_bus(lease_seconds=1, extend_seconds=0.3) for _ in range(2))
    view = await holding.subscribe(TOPIC, "s")
    await holding.publish(TOPIC, numbered([1]))
    held = await view.pull()
    waiting = asyncio.create_task((await rival.subscribe(TOPIC, "s")).pull())
    assert (await asyncio.wait([waiting], timeout=3))[0] == set()
    await view.ack(held)
    await holding.publish(TOPIC, numbered([2]))
    assert spell(await waiting) == ["2"]


async def test_an_emulator_that_restarts_gets_its_topics_again_and_old_deliveries_harm_no_new_ones(open_bus, caplog):
    caplog.set_level(logging.INFO)
    emulator = pubsub_emulator.Emulator()
    emulator.start()
    try:
        bus = open_bus(emulator_host=emulator.host, request_seconds=2)
        view = await bus.subscribe(TOPIC, "s")
        await bus.publish(TOPIC, numbered([1]))
        before = await view.pull()
        waiting = asyncio.create_task(view.pull())
        await asyncio.sleep(0)  # the pull is open now
        emulator.stop()
        with pytest.raises(Unavailable, match=emulator.host):
            await bus.publish(TOPIC, numbered([2]))
        await said("subscription is silent", caplog, waiting)
        emulator.start()
        await said("subscription answers again", caplog, waiting)
        await bus.publish(TOPIC, numbered([3]))
        after = await waiting
        assert spell(after) == ["3"]
        await view.ack(before)  # the emulator counts its ids anew, so this one may now name the message 3
        await view.nack(after)
        assert spell(await view.pull()) == ["3"]
        assert caplog.messages.count("subscription is silent") == 1
        await bus.close()
    finally:
        emulator.stop()


class Line:
    """A connection to the emulator that can fall silent without being closed."""

    def __init__(self) -> None:
        self.flows = asyncio.Event()
        self.flows.set()
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _connect(self, reader, writer) -> None:
        self._tasks.add(asyncio.current_task())
        host, port = pubsub_emulator.shared_host().split(":")
        far_reader, far_writer = await asyncio.open_connection(host, port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, far_writer))
                both.create_task(self._carry(far_reader, writer))
        finally:
            writer.close()
            far_writer.close()

    async def _carry(self, reader, writer) -> None:
        while data := await reader.read(65536):
            await self.flows.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


async def test_a_line_that_falls_silent_is_waited_for_and_publishing_says_so(open_bus):
    async with Line() as line:
        bus = open_bus(emulator_host=line.host, request_seconds=0.5, pull_seconds=1.2)
        view = await bus.subscribe(TOPIC, "s")
        waiting = asyncio.create_task(view.pull())
        line.flows.clear()
        with pytest.raises(Unavailable, match=line.host):
            await bus.publish(TOPIC, numbered([1]))
        assert (await asyncio.wait([waiting], timeout=1.5))[0] == set()
        line.flows.set()
        await open_bus().publish(TOPIC, numbered([2]))
        assert spell(await waiting)[-1] == "2"
        await bus.close()


async def test_a_host_where_nobody_listens_is_named():
    bus = create(Options(project="nowhere", emulator_host="127.0.0.1:1"), SystemClock())
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 .*check that it is reachable"):
        await bus.publish(TOPIC, numbered([1]))
    with pytest.raises(Unavailable, match="127"):
        await bus.subscribe(TOPIC, "s")
    await bus.close()


async def test_what_may_not_be_created_must_be_there(open_bus):
    bus = open_bus(create_missing=False)
    view = await bus.subscribe(TOPIC, "s")
    for refused in (view.pull(), bus.publish(TOPIC, numbered([1]))):
        with pytest.raises(ConfigurationError, match="tracker bootstrap"):
            await refused


async def test_bootstrap_creates_everything_of_the_catalog_and_may_be_repeated(open_bus, tmp_path):
    options = Options(project=pubsub_emulator.project(tmp_path), emulator_host=pubsub_emulator.shared_host())
    names = await bootstrap(options)
    assert await bootstrap(options) == names
    assert f"{SIGNALS.dead_letter}-operator" in names
    bus = open_bus(create_missing=False)
    for contract in CONTRACTS:
        await bus.publish(contract.topic, numbered([7]))
        for service in contract.consumers:
            view = await bus.subscribe(contract.topic, subscription(contract, service))
            assert spell(await view.pull()) == ["7"]


async def test_a_message_that_is_refused_too_often_goes_to_the_dead_letters(open_bus):
    bus = open_bus(max_delivery_attempts=5)
    dead = await bus.subscribe(SIGNALS.dead_letter, "d")
    view = await bus.subscribe(SIGNALS.topic, "s")
    await bus.publish(SIGNALS.topic, numbered([1]))
    for attempt in range(1, 6):
        deliveries = await view.pull()
        assert [delivery.attempt for delivery in deliveries] == [attempt]
        await view.nack(deliveries)
    waiting = asyncio.create_task(view.pull())  # the emulator moves it when somebody asks for it once more
    (letter,) = await dead.pull()
    assert not waiting.done()
    waiting.cancel()
    assert letter.message.data == b"1"
    assert letter.message.attributes["CloudPubSubDeadLetterSourceSubscription"] == f"{SIGNALS.topic}-s"


async def test_the_largest_message_passes_and_one_without_content_is_refused(open_bus):
    bus = open_bus()
    view = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, [Message(bytes(9_999_998), {"a": "b"}), *numbered([1])])
    sizes = sorted(len(delivery.message.data) for delivery in await collect(view, 2))
    assert sizes == [1, 9_999_998]
    with pytest.raises(InvalidMessage, match="empty"):
        await bus.publish(TOPIC, [Message(b"")])


async def test_large_asks_are_shared_by_several_pulls_and_nothing_is_lost_or_doubled(open_bus):
    bus = open_bus(pulls_in_flight=3)
    view = await bus.subscribe(CANDLES.topic, "s")
    await bus.publish(CANDLES.topic, numbered(range(4_000)))
    found = await collect(view, 4_000)
    assert spell(found) == sorted(str(number) for number in range(4_000))
    await view.ack(found)


def test_a_project_must_be_named_and_credentials_must_be_there(monkeypatch, tmp_path):
    for name in ("GOOGLE_CLOUD_PROJECT", "PUBSUB_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="GOOGLE_CLOUD_PROJECT"):
        create(Options(), SystemClock())
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "no-such-file"))
    with pytest.raises(ConfigurationError, match="gcloud auth application-default login"):
        create(Options(project="mine"), SystemClock())


async def test_the_standard_variables_name_host_and_project(monkeypatch, open_bus, tmp_path):
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.shared_host())
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", pubsub_emulator.project(tmp_path))
    view = await open_bus().subscribe(TOPIC, "s")
    bus = create(Options(), SystemClock())
    await bus.publish(TOPIC, numbered([5]))
    await bus.close()
    assert spell(await view.pull()) == ["5"]


def test_leases_that_would_lapse_between_two_renewals_are_refused():
    with pytest.raises(ValidationError, match="extend_seconds 6 is more than half of lease_seconds 10"):
        Options(extend_seconds=6)
