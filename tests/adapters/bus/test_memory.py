"""What only the memory bus does: it misbehaves on request, and it knows when everything has been consumed."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.bus.memory import Backlog, Disturb, MemoryBus, Options
from shared.errors import InvariantViolation
from shared.ports import Message

TOPIC = "t"


async def numbers_after(disturb: Disturb, count: int, limit: int = 100) -> list[int]:
    """Messages 0, 1, 2 ... as one consumer gets them."""
    bus = MemoryBus(Options(disturb=disturb))
    subscription = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, [Message(str(number).encode()) for number in range(count)])
    found = []
    while bus.backlog(TOPIC, "s").queued:
        deliveries = await subscription.pull(limit)
        await subscription.ack(deliveries)
        found += [int(delivery.message.data) for delivery in deliveries]
    assert bus.backlog(TOPIC, "s") == Backlog(0, 0)
    return found


shares = st.floats(0, 1)


@given(dup=shares, reorder=shares, span=st.integers(1, 60), seed=st.integers(), count=st.integers(0, 200))
def test_a_disturbed_bus_loses_nothing_and_is_late_by_no_more_than_its_span(dup, reorder, span, seed, count):
    disturb = Disturb(dup=dup, reorder=reorder, span=span, seed=seed)
    found = asyncio.run(numbers_after(disturb, count))
    assert set(found) == set(range(count))
    assert all(found.count(number) <= 2 for number in range(count))
    duplicates = len(found) - count
    assert all(found.index(number) <= number + duplicates + span for number in range(count))
    assert asyncio.run(numbers_after(disturb, count)) == found


def test_disorder_and_duplicates_are_as_frequent_as_asked_for():
    found = asyncio.run(numbers_after(Disturb(dup=0.1, reorder=0.05, seed=7), 4_000))
    assert 300 < len(found) - 4_000 < 500
    overtaken = sum(later < max(found[:place], default=-1) for place, later in enumerate(found[:2_000]) if place)
    assert 60 < overtaken < 240


def test_held_back_messages_go_behind_dozens_of_later_ones():
    found = asyncio.run(numbers_after(Disturb(reorder=0.05, seed=1), 2_000))
    assert max(place - number for place, number in enumerate(found)) > 36


def test_without_disturbance_the_order_is_that_of_publication():
    assert asyncio.run(numbers_after(Disturb(), 300, limit=7)) == list(range(300))


def test_a_held_back_message_comes_when_nothing_else_is_queued():
    assert asyncio.run(numbers_after(Disturb(reorder=1.0), 1)) == [0]


async def test_what_comes_back_is_delivered_before_what_is_newer():
    bus = MemoryBus(Options())
    subscription = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, [Message(letter.encode()) for letter in "abcd"])
    held = await subscription.pull(3)
    await subscription.nack(held[1:])
    assert [(d.message.data, d.attempt) for d in await subscription.pull()] == [(b"b", 2), (b"c", 2), (b"d", 1)]
    assert bus.backlog(TOPIC, "s") == Backlog(queued=0, held=4)
    await subscription.release()
    assert bus.backlog(TOPIC, "s") == Backlog(queued=4, held=0)
    successor = await bus.subscribe(TOPIC, "s")
    assert [delivery.message.data for delivery in await successor.pull()] == [b"a", b"b", b"c", b"d"]


async def test_idle_returns_when_the_consumer_has_come_back_for_more():
    bus = MemoryBus(Options())
    subscription = await bus.subscribe(TOPIC, "s")
    handled = []

    async def consume() -> None:
        while True:
            for delivery in await subscription.pull(3):
                await asyncio.sleep(0)
                handled.append(delivery)  # and holds it

    consumer = asyncio.create_task(consume())
    for batch in range(1, 4):
        await bus.publish(TOPIC, [Message(b"x")] * 10)
        await bus.idle(TOPIC, "s")
        assert len(handled) == 10 * batch
    assert bus.backlog(TOPIC, "s") == Backlog(queued=0, held=30)
    consumer.cancel()
    await asyncio.gather(consumer, return_exceptions=True)


async def test_idle_waits_for_all_consumers_of_the_subscription():
    bus = MemoryBus(Options())
    busy, quick = await bus.subscribe(TOPIC, "s"), await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, [Message(b"x")])
    await busy.pull()
    pulling = asyncio.create_task(quick.pull())
    idle = asyncio.create_task(bus.idle(TOPIC, "s"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not idle.done()
    await busy.release()
    await pulling
    waiting = asyncio.create_task(quick.pull())
    await idle
    waiting.cancel()


async def test_idle_of_a_subscription_nobody_opened_is_a_bug():
    with pytest.raises(InvariantViolation, match="nobody opened"):
        await MemoryBus(Options()).idle(TOPIC, "s")
