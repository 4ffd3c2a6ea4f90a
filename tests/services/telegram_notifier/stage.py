"""A notifier service on stage: real memory bus and store, a chat that does what it is told, a clock that stands."""

import asyncio
from collections import deque
from contextlib import asynccontextmanager, suppress

from services.telegram_notifier import service
from shared.adapters.bus import memory as memory_bus
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory as memory_store
from shared.domain.book import Book, BookKey
from shared.errors import Refused
from shared.messages import catalog, codec
from shared.ports import ButtonPress
from tests.makers import START

CHAT = "-100"


class Chat:
    """`Notifier` that keeps what it is told. `faults` are raised before anything is done; `gates` hold methods back."""

    def __init__(self):
        self.calls = []
        self.messages = {}
        self.answers = []
        self.photos = []
        self.faults = deque()
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
        await self._enter("send", chat, text)
        self.messages[len(self.messages) + 1] = (text, buttons)
        return len(self.messages)

    async def edit(self, chat, message_id, text, buttons):
        await self._enter("edit", chat, text)
        if message_id not in self.messages:
            raise Refused("gone", "not_found")
        self.messages[message_id] = (text, buttons)

    async def send_photo(self, chat, png, caption, reply_to):
        await self._enter("send_photo", chat, caption)
        self.photos.append((png, reply_to))
        return 1000 + len(self.photos)

    async def answer(self, press_id, text):
        self.answers.append((press_id, text))

    async def presses(self):
        while True:
            yield await self.pressed.get()

    async def close(self):
        pass

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

    def __init__(self, chats=(CHAT,), budget=18):
        self.clock = ManualClock(START)
        self.bus = memory_bus.create(memory_bus.Options(), self.clock)
        self.store = memory_store.create(memory_store.Options(), self.clock)
        self.chat, self.renderer = Chat(), Renderer()
        self._chats, self._budget = chats, budget
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
            chats=self._chats,
            budget_per_minute=self._budget,
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
