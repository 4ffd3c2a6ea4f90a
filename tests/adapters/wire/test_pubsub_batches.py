"""Messages in, the requests that carry them out."""

import asyncio

import pytest

from shared.adapters.wire.pubsub_batches import MAX_MESSAGES, Batches
from shared.errors import Unavailable
from shared.ports import Message


class Broker:
    """Notes every request; each ends when it is let go."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, list[bytes]]] = []
        self.open = asyncio.Event()
        self.asked = asyncio.Event()
        self.error: Exception | None = None

    async def send(self, topic, messages) -> None:
        self.requests.append((topic, [message.data for message in messages]))
        self.asked.set()
        await self.open.wait()
        if self.error is not None:
            raise self.error

    @property
    def sizes(self) -> list[int]:
        return [len(messages) for _, messages in self.requests]


@pytest.fixture
def broker():
    broker = Broker()
    broker.open.set()
    return broker


async def test_publishers_of_one_topic_share_a_request_and_topics_are_apart(broker):
    batches = Batches(broker.send, millis=1, max_bytes=9_000_000)
    await asyncio.gather(*(batches.publish("ab"[number % 2], [Message(b"%d" % number)]) for number in range(6)))
    assert sorted(broker.requests) == [("a", [b"0", b"2", b"4"]), ("b", [b"1", b"3", b"5"])]


async def test_a_request_is_full_by_count_or_by_bytes_and_one_large_message_goes_alone(broker):
    batches = Batches(broker.send, millis=60_000, max_bytes=10_000)
    many = asyncio.create_task(batches.publish("a", [Message(b"")] * 700))
    large = asyncio.create_task(batches.publish("b", [Message(bytes(4_000))] * 5))
    alone = asyncio.create_task(batches.publish("c", [Message(b"x"), Message(bytes(20_000)), Message(b"y")]))
    await asyncio.sleep(0)
    await batches.flush()
    await asyncio.gather(many, large, alone)
    by_topic = {topic: [len(sent) for name, sent in broker.requests if name == topic] for topic in "abc"}
    assert by_topic == {"a": [312, 312, 76], "b": [2, 2, 1], "c": [1, 1, 1]}


async def test_a_request_has_at_most_a_thousand_messages(broker):
    batches = Batches(broker.send, millis=0, max_bytes=9_000_000)
    await batches.publish("a", [Message(b"x")] * (2 * MAX_MESSAGES + 1))
    assert broker.sizes == [MAX_MESSAGES, MAX_MESSAGES, 1]


async def test_everyone_whose_request_failed_is_told_and_nobody_else(broker):
    batches = Batches(broker.send, millis=0, max_bytes=9_000_000)
    await batches.publish("a", [Message(b"well")])
    broker.error = Unavailable("away")
    results = await asyncio.gather(*(batches.publish("a", [Message(b"x")]) for _ in range(2)), return_exceptions=True)
    assert results == [broker.error, broker.error]


async def test_a_publisher_that_is_cancelled_takes_nobody_with_it(broker):
    broker.open.clear()
    batches = Batches(broker.send, millis=0, max_bytes=9_000_000)
    leaving, staying = (asyncio.create_task(batches.publish("a", [Message(text)])) for text in (b"l", b"s"))
    await broker.asked.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    broker.open.set()
    await staying
    assert broker.requests == [("a", [b"l", b"s"])]


async def test_a_failure_that_nobody_waits_for_is_no_stray_error(broker):
    broker.error = Unavailable("away")
    batches = Batches(broker.send, millis=0, max_bytes=9_000_000)
    leaving = asyncio.create_task(batches.publish("a", [Message(b"x")]))
    await asyncio.sleep(0)
    leaving.cancel()
    await batches.flush()
    assert leaving.cancelled() or await asyncio.wait([leaving])
    assert broker.sizes == [1]


async def test_publishing_nothing_is_no_request(broker):
    await Batches(broker.send, millis=0, max_bytes=1).publish("a", [])
    assert broker.requests == []
