"""Messages of many publishers in, few full requests out; everyone is told when the broker has what was theirs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from shared.ports import Message

MAX_MESSAGES = 1_000  # of one request (https://cloud.google.com/pubsub/quotas#resource_limits)
_FRAME_BYTES = 32  # what the wire adds to a message, with room to spare

Send = Callable[[str, Sequence[Message]], Awaitable[None]]


class _Batch:
    """Messages that go in one request. `task` sends them once `is_full` is set or the time for others is over."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.size = 0
        self.is_full = asyncio.Event()
        self.task: asyncio.Task[None]

    def takes(self, size: int, max_bytes: int) -> bool:
        """Whether a message of so many bytes still fits."""
        return len(self.messages) < MAX_MESSAGES and self.size + size <= max_bytes


class Batches:
    """Collects what is published on a topic within a few milliseconds."""

    def __init__(self, send: Send, millis: float, max_bytes: int) -> None:
        """`send` carries one request; a batch waits at most `millis` for others and has at most `max_bytes`, unless a
        single message has more."""
        self._send = send
        self._seconds = millis / 1000
        self._max_bytes = max_bytes
        self._open: dict[str, _Batch] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when all of them have been sent; the error of the first request that failed is raised.

        Whoever is cancelled here leaves alone: the requests carry the messages of others too.
        """
        tasks = {self._add(topic, message) for message in messages}
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            task.result()

    async def flush(self) -> None:
        """Send what is waiting, and return when every request has ended, well or not."""
        for batch in self._open.values():
            batch.is_full.set()
        if self._running:
            await asyncio.wait(self._running)

    def _add(self, topic: str, message: Message) -> asyncio.Task[None]:
        size = len(message.data) + sum(len(text) for pair in message.attributes.items() for text in pair) + _FRAME_BYTES
        batch = self._open.get(topic)
        if batch is None or not batch.takes(size, self._max_bytes):
            if batch is not None:
                batch.is_full.set()
            batch = self._open[topic] = self._begin(topic)
        batch.messages.append(message)
        batch.size += size
        return batch.task

    def _begin(self, topic: str) -> _Batch:
        batch = _Batch()
        batch.task = asyncio.create_task(self._run(topic, batch), name=f"publish on {topic}")
        self._running.add(batch.task)
        batch.task.add_done_callback(self._end)
        return batch

    async def _run(self, topic: str, batch: _Batch) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await batch.is_full.wait()
        except TimeoutError:
            pass
        if self._open.get(topic) is batch:
            del self._open[topic]
        await self._send(topic, batch.messages)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even if every publisher has been cancelled meanwhile
