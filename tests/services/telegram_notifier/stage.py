"""A notifier service on stage: real memory bus and store, a chat that does what it is told, a clock that stands."""

import asyncio
from collections import deque
from contextlib import asynccontextmanager, suppress
from unittest.mock import patch

from services.telegram_notifier import sender, service
from shared.adapters.bus import memory as memory_bus
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory as memory_store
from shared.domain.book import Book, BookKey
from shared.engine import message_text
from shared.errors import Refused, Uncertain
from shared.messages import catalog, codec
from shared.ports import ButtonPress
from tests.makers import MINUTE, START

CHAT = "-100"


class Chat:
    """`Notifier` that keeps what it is told. `faults` are raised before anything is done; `gates` hold methods back.

    Each of `lost` (booleans) takes the answer of a send away: it is carried out where True. Ids ascend over all posts;
    what was deleted is missing in `messages`. `peek_faults` are raised by looks.
    """

    def __init__(self):
        self.calls = []
        self.messages = {}
        self.answers = []
        self.photos = []
        self.faults = deque()
        self.lost = deque()
        self.peek_faults = deque()
        self.can_peek = False
        self.newest = 0
        self._requests = set()
        self.gates = {}
        self.pressed = asyncio.Queue()

    async def _enter(self, method, *what):
        self.calls.append((method, *what))
        if self.faults:
            fault = self.faults.popleft()
            if fault is not None:
                raise fault
        if method in self.gates:
            await self.gates[method].wait()

    async def send(self, chat, text, buttons):
        request = asyncio.ensure_future(self._send(chat, text, buttons))
        self._requests.add(request)
        return await asyncio.shield(request)  # what is written goes its way, whoever dies

    async def _send(self, chat, text, buttons):
        await self._enter("send", chat, text)
        lost = self.lost.popleft() if self.lost else None
        if lost is not False:
            self.post(text, buttons)
        if lost is not None:
            raise Uncertain("no answer")
        return self.newest

    async def edit(self, chat, message_id, text, buttons):
        await self._enter("edit", chat, text)
        if message_id not in self.messages:
            raise Refused("gone", "not_found")
        self.messages[message_id] = (text, buttons)

    async def send_photo(self, chat, png, caption, reply_to):
        await self._enter("send_photo", chat, caption)
        self.photos.append((png, reply_to))
        return 1000 + len(self.photos)

    async def peek(self, chat, message_id):
        self.calls.append(("peek", chat, message_id))
        fault = self.peek_faults.popleft() if self.peek_faults else None
        if fault is not None:
            raise fault
        text, _ = self.messages.get(message_id, (None, ()))
        return None if text is None else message_text.visible(text)

    async def answer(self, press_id, text):
        self.answers.append((press_id, text))

    async def presses(self):
        while True:
            yield await self.pressed.get()

    async def close(self):
        pass

    async def forget_requests(self):
        """What has not been carried out by now never is."""
        for request in self._requests:
            request.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)
        self._requests.clear()

    def post(self, text, buttons=()):
        """A message of ours, or of somebody else."""
        self.newest += 1
        self.messages[self.newest] = (text, buttons)
        return self.newest

    def of(self, signal_id):
        """Texts of all messages about a signal or notice that stand in the chat."""
        mark = message_text.short_id(signal_id)
        return [text for text, _ in self.messages.values() if mark in message_text.visible(text).split()]

    def press(self, data, message_id=1, chat=CHAT):
        self.pressed.put_nowait(ButtonPress(f"q{self.pressed.qsize()}", chat, message_id, data))

    def texts(self, method):
        return [text for name, _, text in self.calls if name == method]


class Renderer:
    """`ChartRenderer` that counts and can be held back."""

    def __init__(self):
        self.specs = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault = None

    async def render(self, spec):
        self.specs.append(spec)
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return f"png {len(self.specs)}".encode()

    async def close(self):
        pass


class Stage:
    """Everything the service is composed of, and the means to move it."""

    def __init__(self, chats=(CHAT,), budget=18, late_after=MINUTE, late_ttl=15 * MINUTE):
        self.clock = ManualClock(START)
        self.bus = memory_bus.create(memory_bus.Options(), self.clock)
        self.store = memory_store.create(memory_store.Options(), self.clock)
        self.chat, self.renderer = Chat(), Renderer()
        self._settings = {
            "chats": chats,
            "budget_per_minute": budget,
            "late_after": late_after,
            "late_ttl": late_ttl,
        }
        self.service = self.new_service()

    def new_service(self):
        self.service = service.create(
            bus=self.bus,
            store=self.store,
            ledger=self.store,
            outbox=self.store,
            notifier=self.chat,
            charts=self.renderer,
            clock=self.clock,
            documents=self.store,
            **self._settings,
        )
        return self.service

    @asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.service.run())
        await self.settle()
        try:
            yield self
            if task.done():
                task.result()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def say(self, *signals):
        """Store the lines in the ledger and publish them, as the logic engine does."""
        for signal in signals:
            key = BookKey(signal.strategy, signal.exchange, signal.symbol)
            book = (await self.store.load_books([key])).get(key, Book(key))
            await self.store.commit([_with(book, signal)])
            name = f"{signal.signal_id}/{signal.revision}"
            await self.bus.publish(catalog.SIGNALS.topic, [codec.encode(catalog.SIGNALS, signal, message_id=name)])
        await self.settle()

    async def announce(self, *notices):
        """Publish notices, as the logic engine does."""
        for notice in notices:
            name = f"{notice.notice_id}/{notice.revision}"
            await self.bus.publish(catalog.NOTICES.topic, [codec.encode(catalog.NOTICES, notice, message_id=name)])
        await self.settle()

    @asynccontextmanager
    async def killed_while_sending(self, *signals):
        """The service dies with a request under way. Inside it is dead; when the gate that is yielded is set, the chat
        service carries the request out all the same."""
        gate = self.chat.gates["send"] = asyncio.Event()
        killed = asyncio.create_task(self.service.run())
        await self.settle()
        await self.say(*signals)
        self.chat.gates.clear()
        with patch.object(sender, "DRAIN_SECONDS", 0):
            killed.cancel()
            await asyncio.gather(killed, return_exceptions=True)
        yield gate
        await self.chat.forget_requests()

    async def settle(self):
        """Let everything happen that needs no time."""
        for _ in range(60):
            await asyncio.sleep(0)

    async def pass_time(self, millis):
        """Let time pass second by second, with all that happens in it."""
        end = self.clock.now() + millis
        while self.clock.now() < end:
            self.clock.advance_to(min(end, self.clock.now() + 500))
            await self.settle()


def _with(book, signal):
    return Book(book.key, book.version, book.evaluated_to, book.looked_to, book.state, book.position, (signal,))
