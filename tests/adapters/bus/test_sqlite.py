"""What only the SQLite bus does: leases between processes, retention, and honest words about a bad file."""

import asyncio
import signal
import sqlite3
import sys

import pytest

from shared.adapters.bus.sqlite import Options, create
from shared.adapters.clock.manual import ManualClock
from shared.adapters.clock.system import SystemClock
from shared.errors import ConfigurationError, Unavailable
from shared.ports import Message
from tests.makers import START

TOPIC = "t"
CHILD = """
import asyncio, sys
from pathlib import Path
from shared.adapters.bus.sqlite import Options, create
from shared.adapters.clock.system import SystemClock

async def main():
    bus = create(Options(path=Path(sys.argv[1]), lease_millis=600_000, poll_millis=5), SystemClock())
    subscription = await bus.subscribe("t", "s")
    print("ready", flush=True)
    print(len(await subscription.pull(2)), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def open_bus(tmp_path):
    opened = []

    def open_one(clock=None, **options):
        bus = create(Options(path=tmp_path / "bus.db", poll_millis=5, **options), clock or ManualClock(START))
        opened.append(bus)
        return bus

    yield open_one
    for bus in opened:
        await bus.close()


def rows(folder, table: str) -> int:
    connection = sqlite3.connect(folder / "bus.db")
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - names from the tests below
    connection.close()
    return count


async def test_another_process_that_is_killed_loses_what_it_held_long_before_its_lease_ends(open_bus, tmp_path):
    bus = open_bus(SystemClock(), lease_millis=600_000)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, tmp_path / "bus.db", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert await child.stdout.readline() == b"ready\n"
        await bus.publish(TOPIC, [Message(letter.encode()) for letter in "abc"])
        assert await child.stdout.readline() == b"2\n"
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    subscription = await bus.subscribe(TOPIC, "s")
    attempts = {}
    async with asyncio.timeout(20):
        while len(attempts) < 3:
            deliveries = await subscription.pull()
            await subscription.ack(deliveries)
            attempts |= {delivery.message.data: delivery.attempt for delivery in deliveries}
    assert attempts == {b"a": 2, b"b": 2, b"c": 1}
    child._transport.close()


async def test_a_message_published_elsewhere_wakes_a_waiting_pull(open_bus):
    here, elsewhere = open_bus(), open_bus()
    subscription = await here.subscribe(TOPIC, "s")
    pulling = asyncio.create_task(subscription.pull())
    assert (await asyncio.wait([pulling], timeout=0.02))[0] == set()
    await elsewhere.publish(TOPIC, [Message(b"a")])
    assert [delivery.message.data for delivery in await pulling] == [b"a"]


async def test_an_acknowledgement_elsewhere_wakes_a_waiting_publisher(open_bus):
    here, elsewhere = open_bus(max_outstanding=1), open_bus()
    subscription = await elsewhere.subscribe(TOPIC, "s")
    await here.publish(TOPIC, [Message(b"a")])
    publishing = asyncio.create_task(here.publish(TOPIC, [Message(b"b")]))
    assert (await asyncio.wait([publishing], timeout=0.02))[0] == set()
    await subscription.ack(await subscription.pull())
    await publishing


async def test_a_process_that_lives_keeps_what_it_holds_far_beyond_its_lease(open_bus):
    clock = ManualClock(START)
    bus, other = open_bus(clock), open_bus(clock)
    holder = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, [Message(b"a")])
    await holder.pull()
    for second in range(4, 60, 4):
        clock.advance_to(START + second * 1_000)
        await bus._look()
        await other._look()
    rival = await other.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, [Message(b"b")])
    assert [delivery.message.data for delivery in await rival.pull()] == [b"b"]


async def test_a_renewal_younger_than_the_look_is_no_absurd_lease(open_bus):
    clock = ManualClock(START)
    bus, late = open_bus(), open_bus(clock)
    clock.advance_to(START + 5_000)
    holder = await late.subscribe(TOPIC, "s")
    await late.publish(TOPIC, [Message(b"a")])
    await holder.pull()
    await bus._look()  # its own clock is still 5 s behind
    rival = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, [Message(b"b")])
    assert [delivery.message.data for delivery in await rival.pull()] == [b"b"]


async def test_a_process_that_slept_beyond_its_lease_goes_on(open_bus):
    clock = ManualClock(START)
    asleep, other = open_bus(clock), open_bus(clock)
    sleeper = await asleep.subscribe(TOPIC, "s")
    await other.publish(TOPIC, [Message(b"a")])
    (late,) = await sleeper.pull()
    asleep._watching.cancel()
    clock.advance_to(START + 10_000)
    rival = await other.subscribe(TOPIC, "s")
    (again,) = await rival.pull()
    assert (again.message.data, again.attempt) == (b"a", 2)
    await sleeper.nack([late])  # it holds this no more, so it must not hand it out a third time
    await other.publish(TOPIC, [Message(b"b")])
    assert [delivery.message.data for delivery in await sleeper.pull()] == [b"b"]


async def test_a_lease_of_before_the_machine_was_restarted_is_over(open_bus):
    bus = open_bus(ManualClock(START))
    holder = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, [Message(b"a")])
    await holder.pull()
    bus._watching.cancel()
    restarted = open_bus(ManualClock(1_000))  # the monotonic clock began again
    assert [d.message.data for d in await (await restarted.subscribe(TOPIC, "s")).pull()] == [b"a"]


async def test_a_subscription_nobody_has_open_does_not_stop_publishers(open_bus):
    bus = open_bus(max_outstanding=2)
    await (await bus.subscribe(TOPIC, "s")).release()
    for _ in range(5):
        await bus.publish(TOPIC, [Message(b"a")])
    assert len(await (await bus.subscribe(TOPIC, "s")).pull()) == 5


async def test_messages_are_forgotten_with_their_last_acknowledgement(open_bus, tmp_path):
    bus = open_bus()
    views = [await bus.subscribe(TOPIC, name) for name in ("one", "two")]
    await bus.publish("nobody listens", [Message(b"x")])
    await bus.publish(TOPIC, [Message(b"a")])
    for view, left in zip(views, (1, 0), strict=True):
        await view.ack(await view.pull())
        assert rows(tmp_path, "messages") == left
    assert rows(tmp_path, "deliveries") == 0


async def test_what_waited_too_long_is_dropped_with_a_warning(open_bus, tmp_path, caplog):
    clock = ManualClock(START)
    bus = open_bus(clock, retention_millis=60_000)
    subscription = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, [Message(b"old")])
    clock.advance_to(START + 30_000)
    await bus.publish(TOPIC, [Message(b"new")])
    clock.advance_to(START + 60_001)
    await bus._look()
    assert [delivery.message.data for delivery in await subscription.pull()] == [b"new"]
    assert "dropped" in caplog.text
    assert rows(tmp_path, "messages") == 1


async def test_a_locked_file_is_unavailable_with_its_cure_and_works_afterwards(open_bus, tmp_path):
    bus = open_bus()
    await bus.subscribe(TOPIC, "s")
    bus.thread._connection.execute("PRAGMA busy_timeout=1")
    blocker = sqlite3.connect(tmp_path / "bus.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match=r"bus\.db.*locked.*end that process"):
        await bus.publish(TOPIC, [Message(b"a")])
    blocker.execute("ROLLBACK")
    blocker.close()
    await bus.publish(TOPIC, [Message(b"a")])


async def test_a_full_disk_is_unavailable_and_publishes_nothing_of_the_call(open_bus, tmp_path):
    bus = open_bus()
    await bus.subscribe(TOPIC, "s")
    bus.thread._connection.execute("PRAGMA max_page_count=40")
    with pytest.raises(Unavailable, match="free disk space"):
        await bus.publish(TOPIC, [Message(b"a"), Message(bytes(1_000_000))])
    assert rows(tmp_path, "messages") == 0


def test_the_file_of_something_else_is_refused(tmp_path):
    foreign = sqlite3.connect(tmp_path / "bus.db")
    foreign.execute("CREATE TABLE x (y)")
    foreign.close()
    with pytest.raises(ConfigurationError, match="not a bus file"):
        create(Options(path=tmp_path / "bus.db"), ManualClock())
