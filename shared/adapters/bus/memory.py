"""Messages of one process in, the same messages out, on the event loop: nothing outlives the process.

What comes back (by `nack` or `release`) is delivered before what is newer. A pull from a subscription that has been
released, or of a bus that has been closed, raises `Unavailable`, and so does one that is waiting at that moment.
"""

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from shared.adapters.wire.message_rules import check_sizes, dead_letter, rejected
from shared.errors import InvariantViolation, Unavailable
from shared.ports import Clock, Delivery, Message


class Disturb(BaseModel):
    """How badly this bus behaves, for tests and replays. Equal seeds misbehave equally; no message is ever lost.

    Attributes:
        dup: Share of messages that are delivered twice.
        reorder: Share of messages that are held back behind later ones, if there are later ones.
        span: At most so many later messages go first.
        seed: Start of the random numbers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    dup: float = Field(default=0.0, ge=0, le=1)
    reorder: float = Field(default=0.0, ge=0, le=1)
    span: int = Field(default=48, ge=1)
    seed: int = 0


class Options(BaseModel):
    """Settings of the bus.

    Attributes:
        max_outstanding: `publish` waits while a subscription has so many messages queued and held.
        disturb: Duplicates and disorder made on purpose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    max_outstanding: int = Field(default=20_000, ge=1)
    disturb: Disturb = Disturb()


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a subscription has before it: messages nobody has pulled yet, and delivered ones not yet acknowledged."""

    queued: int
    held: int


class _Entry(NamedTuple):
    """A place in the queue. It sorts by `place`, then by `number`, which is unique per queue."""

    place: int
    number: int
    message: Message
    attempt: int


class _Queue:
    """Messages of one subscription name, shared by everyone who opened it."""

    def __init__(self, disturb: Disturb, name: str) -> None:
        self.held = 0
        self.views = 0
        self.arrived = asyncio.Event()
        self.quiet = asyncio.Event()
        self._heap: list[_Entry] = []
        self._numbers = count()
        self._waiting = 0
        self._disturb = disturb
        # The text as seed gives every subscription its own, repeatable row of numbers.
        self._random = Random(f"{disturb.seed}/{name}")  # noqa: S311 - disorder for tests, not a secret

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, message: Message) -> None:
        """Queue a message, with the disorder that was asked for."""
        copies = 2 if self._random.random() < self._disturb.dup else 1
        for _ in range(copies):
            number = next(self._numbers)
            late = self._random.random() < self._disturb.reorder
            place = number + (self._random.randint(2, self._disturb.span + 1) if late else 0)
            heapq.heappush(self._heap, _Entry(place, number, message, 1))
        self._wake()

    def put_back(self, entries: Sequence[_Entry]) -> None:
        """Queue held entries again, at their old places."""
        for entry in entries:
            heapq.heappush(self._heap, entry._replace(attempt=entry.attempt + 1))
        self.held -= len(entries)
        self._wake()

    def take(self, limit: int) -> list[_Entry]:
        """The next entries, at most `limit`; they count as held."""
        taken = [heapq.heappop(self._heap) for _ in range(min(limit, len(self._heap)))]
        self.held += len(taken)
        return taken

    async def wait(self) -> None:
        """Return when something may have changed."""
        self.arrived.clear()
        self._waiting += 1
        self.weigh()
        try:
            await self.arrived.wait()
        finally:
            self._waiting -= 1
            self.weigh()

    def weigh(self) -> None:
        """Set or clear `quiet`: nothing is queued, and every open view waits for more."""
        if self.views and self._waiting >= self.views and not self._heap:
            self.quiet.set()
        else:
            self.quiet.clear()

    def _wake(self) -> None:
        if self._heap:
            self.arrived.set()
            self.weigh()


class MemorySubscription:
    """One consumer's view of a subscription: what it holds is its own, the queue is shared."""

    def __init__(self, bus: "MemoryBus", topic: str, name: str, queue: _Queue) -> None:
        self._bus = bus
        self._topic = topic
        self._name = name
        self._queue = queue
        self._held: dict[str, _Entry] = {}
        self._released = False

    async def pull(self, limit: int = 100) -> list[Delivery]:
        """Wait until at least one message is there, then return up to `limit` of them.

        Raises:
            Unavailable: The subscription has been released.
        """
        while not self._released and not self._queue:
            await self._queue.wait()
        if self._released:
            raise Unavailable(f"subscription {self._name!r} has been released; subscribe again to go on")
        deliveries = []
        for entry in self._queue.take(limit):
            ack_id = f"{entry.number}.{entry.attempt}"
            self._held[ack_id] = entry
            deliveries.append(Delivery(entry.message, ack_id, entry.attempt))
        return deliveries

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Forget these."""
        self._queue.held -= len(self._take_held(deliveries))
        self._bus.make_room()

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Queue these again, before what is newer."""
        self._queue.put_back(self._take_held(deliveries))

    async def reject(self, delivery: Delivery, reason: str) -> None:
        """Move this one to the dead letters. It does not wait for their consumers: they may be nobody."""
        target = dead_letter(self._topic)
        if self._take_held([delivery]):
            self._queue.held -= 1
            if target is not None:
                self._bus.put(target, [rejected(delivery.message, self._topic, reason)])
            self._bus.make_room()

    async def release(self) -> None:
        """Queue everything held again and end this view; waiting pulls raise."""
        if self._released:
            return
        self._released = True
        self._queue.put_back(list(self._held.values()))
        self._held.clear()
        self._queue.views -= 1
        self._queue.arrived.set()
        self._queue.weigh()
        self._bus.forget(self)

    def _take_held(self, deliveries: Sequence[Delivery]) -> list[_Entry]:
        entries = (self._held.pop(delivery.ack_id, None) for delivery in deliveries)
        return [entry for entry in entries if entry is not None]


class MemoryBus:
    """Topics and subscriptions in plain containers."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._topics: dict[str, dict[str, _Queue]] = {}
        self._views: list[MemorySubscription] = []
        self._room = asyncio.Event()
        self._closed = False

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Give the messages to every subscription that exists now; waits while one of them is too far behind."""
        check_sizes(topic, messages)
        while not self._closed and self._is_full(topic):
            self._room.clear()
            await self._room.wait()
        self._check_open()
        self.put(topic, messages)

    async def subscribe(self, topic: str, subscription: str) -> MemorySubscription:
        """Open the named subscription, creating it where needed."""
        self._check_open()
        queues = self._topics.setdefault(topic, {})
        if subscription not in queues:
            queues[subscription] = _Queue(self._options.disturb, f"{topic}/{subscription}")
        view = MemorySubscription(self, topic, subscription, queues[subscription])
        queues[subscription].views += 1
        self._views.append(view)
        return view

    async def close(self) -> None:
        """Release every subscription; waiting publishers and pulls raise `Unavailable`."""
        self._closed = True
        for view in tuple(self._views):
            await view.release()
        self.make_room()

    def backlog(self, topic: str, subscription: str) -> Backlog:
        """What the subscription has before it; nothing where there is no such subscription."""
        queue = self._topics.get(topic, {}).get(subscription)
        return Backlog(0, 0) if queue is None else Backlog(len(queue), queue.held)

    async def idle(self, topic: str, subscription: str) -> None:
        """Wait until nothing is queued for the subscription and everyone who opened it waits for more.

        Consumers that handle one pull before they begin the next have then handled everything published so far, though
        they may still hold some of it unacknowledged.

        Raises:
            InvariantViolation: Nobody ever opened this subscription, so nobody could come back.
        """
        queue = self._topics.get(topic, {}).get(subscription)
        if queue is None:
            raise InvariantViolation(f"nobody opened subscription {subscription!r} of topic {topic!r}")
        while True:
            await queue.quiet.wait()
            if queue.quiet.is_set():
                return

    def put(self, topic: str, messages: Sequence[Message]) -> None:
        """Queue messages at once, however full the queues are."""
        for queue in self._topics.get(topic, {}).values():
            for message in messages:
                queue.put(message)

    def forget(self, view: MemorySubscription) -> None:
        """Let go of a view that has been released."""
        self._views.remove(view)

    def make_room(self) -> None:
        """Tell waiting publishers to look again."""
        self._room.set()

    def _is_full(self, topic: str) -> bool:
        queues = self._topics.get(topic, {}).values()
        return any(len(queue) + queue.held >= self._options.max_outstanding for queue in queues)

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the memory bus is closed")


def create(options: Options, clock: Clock) -> MemoryBus:
    """A bus inside this process."""
    del clock
    return MemoryBus(options)
