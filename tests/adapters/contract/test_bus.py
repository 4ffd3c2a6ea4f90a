"""What every bus promises (`shared.ports.Bus`), asked of each adapter in the folder."""

import asyncio

import pytest

from shared.adapters.clock.manual import ManualClock
from shared.errors import InvalidMessage, Unavailable
from shared.messages.catalog import SIGNALS, TRADES
from shared.ports import Message
from tests.adapters.contract.subjects import CAPACITY, create_bus, names, subject
from tests.makers import START

TOPIC = SIGNALS.topic
PATIENCE = 0.1  # seconds after which something that must not happen has not happened


@pytest.fixture(params=names("bus"))
async def bus(request, tmp_path):
    bus = create_bus(request.param, tmp_path)
    yield bus
    await bus.close()


def letters(text: str) -> list[Message]:
    return [Message(letter.encode(), {"id": letter}) for letter in text]


def spell(deliveries) -> str:
    return "".join(sorted(delivery.message.data.decode() for delivery in deliveries))


async def collect(subscription, count: int, limit: int = 100):
    found = []
    while len(found) < count:
        found += await subscription.pull(limit)
    return found


async def test_what_is_published_is_delivered_with_its_attributes(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    message = Message(b"\x00\xff{}", {"type": "signal", "id": "ä/1"})
    await bus.publish(TOPIC, [message])
    (delivery,) = await subscription.pull()
    assert delivery.message == message
    assert delivery.attempt == 1


async def test_a_pull_waits_for_the_first_message_and_keeps_to_its_limit(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    pulling = asyncio.create_task(subscription.pull(2))
    assert (await asyncio.wait([pulling], timeout=PATIENCE))[0] == set()
    await bus.publish(TOPIC, letters("abc"))
    first = await pulling
    assert len(first) == 2
    assert spell(first + await subscription.pull(2)) == "abc"


async def test_what_is_published_before_a_subscription_exists_is_not_for_it(bus):
    await bus.publish(TOPIC, letters("a"))
    subscription = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, letters("b"))
    assert spell(await subscription.pull()) == "b"


async def test_a_subscription_without_consumers_keeps_its_messages(bus):
    await (await bus.subscribe(TOPIC, "s")).release()
    await bus.publish(TOPIC, letters("ab"))
    assert spell(await collect(await bus.subscribe(TOPIC, "s"), 2)) == "ab"


async def test_every_subscription_gets_everything_and_topics_are_apart(bus):
    one, two = await bus.subscribe(TOPIC, "one"), await bus.subscribe(TOPIC, "two")
    other = await bus.subscribe(TRADES.topic, "one")
    await bus.publish(TOPIC, letters("abc"))
    await bus.publish(TRADES.topic, letters("x"))
    assert spell(await collect(one, 3)) == spell(await collect(two, 3)) == "abc"
    assert spell(await other.pull()) == "x"


async def test_consumers_of_one_subscription_share_its_messages(bus):
    one, two = await bus.subscribe(TOPIC, "s"), await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, letters("abcd"))
    first = await one.pull(2)
    assert spell(first + await collect(two, 2)) == "abcd"


async def test_held_messages_are_not_delivered_again_nor_are_acknowledged_ones(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, letters("ab"))
    held, acked = await collect(subscription, 2, limit=1)
    await subscription.ack([acked])
    await bus.publish(TOPIC, letters("c"))
    assert spell(await subscription.pull()) == "c"
    await subscription.ack([acked, held])
    await subscription.ack([held])
    await subscription.nack([held, acked])
    await bus.publish(TOPIC, letters("d"))
    assert spell(await subscription.pull()) == "d"


async def test_what_is_refused_for_now_comes_again_with_a_higher_attempt(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, letters("ab"))
    deliveries = await collect(subscription, 2)
    again = [delivery for delivery in deliveries if delivery.message.data == b"a"]
    for attempt in (2, 3):
        await subscription.nack(again)
        again = await subscription.pull()
        assert [(delivery.message.data, delivery.attempt) for delivery in again] == [(b"a", attempt)]


async def test_a_nack_wakes_another_waiting_consumer(bus):
    one, two = await bus.subscribe(TOPIC, "s"), await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, letters("a"))
    held = await one.pull()
    waiting = asyncio.create_task(two.pull())
    assert (await asyncio.wait([waiting], timeout=PATIENCE))[0] == set()
    await one.nack(held)
    assert spell(await waiting) == "a"


async def test_release_hands_over_at_once_and_ends_the_view(bus):
    old, new = await bus.subscribe(TOPIC, "s"), await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, letters("abc"))
    held = await collect(old, 3)
    await old.ack([delivery for delivery in held if delivery.message.data == b"b"])
    waiting = asyncio.create_task(new.pull())
    await old.release()
    assert spell([*await waiting, *([] if len(waiting.result()) == 2 else await new.pull())]) == "ac"
    with pytest.raises(Unavailable, match="released"):
        await old.pull()
    await old.release()


async def test_release_ends_a_pull_that_waits(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    waiting = asyncio.create_task(subscription.pull())
    assert (await asyncio.wait([waiting], timeout=PATIENCE))[0] == set()
    await subscription.release()
    with pytest.raises(Unavailable, match="released"):
        await waiting


async def test_a_cancelled_pull_loses_nothing(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    for _ in range(5):
        waiting = asyncio.create_task(subscription.pull())
        await asyncio.sleep(0)
        publishing = asyncio.create_task(bus.publish(TOPIC, letters("a")))
        await asyncio.sleep(0)
        waiting.cancel()
        await publishing
        await asyncio.wait([waiting])
        deliveries = await subscription.pull() if waiting.cancelled() else waiting.result()
        assert spell(deliveries) == "a"
        await subscription.ack(deliveries)


async def test_a_rejected_message_goes_to_the_dead_letters_with_the_reason(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    dead = await bus.subscribe(SIGNALS.dead_letter, "d")
    await bus.publish(TOPIC, letters("ab"))
    for delivery in await collect(subscription, 2):
        if delivery.message.data == b"a":
            await subscription.reject(delivery, "not a signal")
    (letter,) = await dead.pull()
    assert letter.message == Message(b"a", {"id": "a", "reason": "not a signal", "source_topic": TOPIC})
    await bus.publish(TOPIC, letters("c"))
    assert spell(await subscription.pull()) == "c"


async def test_a_rejected_message_is_dropped_where_the_catalog_has_no_dead_letters(bus):
    subscription = await bus.subscribe(TRADES.topic, "s")
    await bus.publish(TRADES.topic, letters("a"))
    await subscription.reject((await subscription.pull())[0], "not a pack")
    await bus.publish(TRADES.topic, letters("b"))
    assert spell(await subscription.pull()) == "b"


async def test_a_message_too_large_is_refused_and_nothing_of_its_call_is_published(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    with pytest.raises(InvalidMessage, match="10,000,000"):
        await bus.publish(TOPIC, [*letters("a"), Message(bytes(10_000_001))])
    await bus.publish(TOPIC, letters("b"))
    assert spell(await subscription.pull()) == "b"


async def test_publish_waits_for_a_consumer_that_is_too_far_behind(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, letters("a") * CAPACITY)
    held = await collect(subscription, CAPACITY)
    publishing = asyncio.create_task(bus.publish(TOPIC, letters("b")))
    assert (await asyncio.wait([publishing], timeout=PATIENCE))[0] == set()
    await subscription.ack(held[:1])
    await publishing
    assert spell(await subscription.pull()) == "b"


async def test_many_producers_and_consumers_lose_nothing(bus):
    views = [await bus.subscribe(TOPIC, "s") for _ in range(3)]
    wanted = {f"{producer}-{number}".encode() for producer in range(4) for number in range(60)}
    seen: set[bytes] = set()
    everything = asyncio.Event()

    async def produce(producer: int) -> None:
        for number in range(60):
            await bus.publish(TOPIC, [Message(f"{producer}-{number}".encode())])

    async def consume(view, refuse: int) -> None:
        while True:
            deliveries = await view.pull(7)
            first_time = [d for d in deliveries if d.attempt == 1][:refuse]
            await view.nack(first_time)
            done = [delivery for delivery in deliveries if delivery not in first_time]
            await view.ack(done)
            seen.update(delivery.message.data for delivery in done)
            if seen == wanted:
                everything.set()

    consumers = [asyncio.create_task(consume(view, number)) for number, view in enumerate(views)]
    await asyncio.gather(*(produce(producer) for producer in range(4)))
    await everything.wait()
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)
    assert seen == wanted


async def test_a_closed_bus_says_so(bus):
    subscription = await bus.subscribe(TOPIC, "s")
    waiting = asyncio.create_task(subscription.pull())
    await bus.publish(TOPIC, letters("a") * CAPACITY)
    await waiting
    publishing = asyncio.create_task(bus.publish(TOPIC, letters("b")))
    assert (await asyncio.wait([publishing], timeout=PATIENCE))[0] == set()
    await bus.close()
    for refused in (publishing, subscription.pull(), bus.publish(TOPIC, letters("b")), bus.subscribe(TOPIC, "t")):
        with pytest.raises(Unavailable):
            await refused


@pytest.mark.parametrize("name", names("bus", durable=True))
async def test_a_durable_bus_delivers_again_what_a_killed_process_held(name, tmp_path):
    clock = ManualClock(START)
    killed = create_bus(name, tmp_path, clock)
    subscription = await killed.subscribe(TOPIC, "s")
    await killed.publish(TOPIC, letters("abcd"))
    held = await collect(subscription, 3, limit=1)
    await subscription.ack(held[:1])
    await subject("bus", name).kill(killed)

    bus = create_bus(name, tmp_path, clock)
    successor = await bus.subscribe(TOPIC, "s")
    async with asyncio.timeout(10):
        (unheld,) = await successor.pull()
        assert unheld.message not in [delivery.message for delivery in held]
        clock.advance_to(START + subject("bus", name).lease_millis)
        back = await collect(successor, 2)
        assert spell(back) == spell(held[1:])
        assert {delivery.attempt for delivery in back} == {2}
    await bus.close()


@pytest.mark.parametrize("name", names("bus", durable=True))
async def test_a_durable_bus_that_was_closed_has_everything_unacknowledged_at_once(name, tmp_path):
    bus = create_bus(name, tmp_path)
    subscription = await bus.subscribe(TOPIC, "s")
    await bus.publish(TOPIC, letters("abc"))
    await subscription.ack(await subscription.pull(1))
    await subscription.pull(1)
    await bus.close()
    bus = create_bus(name, tmp_path)
    async with asyncio.timeout(10):
        assert len(await collect(await bus.subscribe(TOPIC, "s"), 2)) == 2
    await bus.close()
