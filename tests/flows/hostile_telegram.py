"""A plan of signals and a hostile Telegram in, what stood in the channel at the end out: real service, adapter, store.

All of it runs by one clock of market time that also counts the seconds of people, so that limits and pauses shrink too.
"""

import asyncio
import json
import re
import time
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random

import aiohttp

from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.service import create as create_sandbox
from services.telegram_notifier import service
from shared.adapters.bus import memory as memory_bus
from shared.adapters.clock.scaled import ScaledClock
from shared.adapters.notifiers import telegram
from shared.adapters.stores import sqlite
from shared.domain.book import Book, BookKey
from shared.domain.signal import SignalKind
from shared.engine import chart_button, message_text
from shared.messages import catalog, codec
from tests.makers import MINUTE, START, make_signal
from tests.services.telegram_notifier.stage import Renderer

TOKEN, CHAT, OPERATIONS = "1:sandbox", "@signals", "@sandbox_operations"
SYMBOLS = tuple(f"{name}USDT" for name in ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "SUI", "SEI", "LINK"))
BUDGET = 18
LATE_AFTER = MINUTE
LATE_TTL = 24 * 60 * MINUTE  # by default 15 minutes, which are six seconds here: a disk that is busy so long counts not
SPEED = 150.0
PATIENCE = 100.0  # real seconds
REPEAT = "possible repeat"
LATE = "late by"
SHORT_ID = re.compile(r"\b[0-9a-f]{6}\b")


class QuickClock:
    """Market time whose seconds of the machine run as fast, so that a minute of patience passes in half a second."""

    def __init__(self, speed):
        self.speed = speed
        self._scaled = ScaledClock(START, time.time_ns() // 1_000_000, speed)
        self.now, self.sleep = self._scaled.now, self._scaled.sleep

    def monotonic(self):
        return self._scaled.monotonic() * self.speed


def plan(seed, rounds=4):
    """Lines of 9 x `rounds` signals, ascending by time: entry, up to two updates, exit. No two entries share a time."""
    choose, lines = Random(seed), []  # noqa: S311 - the same signals in every run
    starts = choose.sample(range(0, 2 * MINUTE, 100), len(SYMBOLS) * rounds)
    for number, start in enumerate(starts):
        symbol, turn = SYMBOLS[number % len(SYMBOLS)], number // len(SYMBOLS)
        opened = START + turn * 2 * MINUTE
        entry_time, exit_price = opened + start, 101.0 + number / 100
        fields = {"symbol": symbol, "open_time": opened, "entry_time": entry_time}
        times = sorted(choose.sample(range(5_000, 80_000), choose.randrange(3) + 1))
        lines.append(make_signal(SignalKind.ENTRY, **fields))
        for revision, after in enumerate(times[:-1], 1):
            lines.append(make_signal(SignalKind.UPDATE, **fields, time=entry_time + after, revision=revision))
        end = {"time": entry_time + times[-1], "revision": len(times), "price": exit_price}
        lines.append(make_signal(SignalKind.EXIT, **fields, **end))
    return sorted(lines, key=lambda line: (line.time, line.revision))


class DyingNotifier:
    """A notifier whose process dies with some of its requests: carried out, or not yet begun, and never answered."""

    def __init__(self, notifier, choose, died):
        self._notifier, self._choose, self._died = notifier, choose, died

    def __getattr__(self, name):
        return getattr(self._notifier, name)

    async def send(self, *arguments):
        return await self._perhaps("send", arguments)

    async def edit(self, *arguments):
        return await self._perhaps("edit", arguments)

    async def _perhaps(self, method, arguments):
        fate = self._choose.random()
        if fate < 0.05:
            await self._die()
        answer = await getattr(self._notifier, method)(*arguments)
        if fate > 0.85:
            await self._die()
        return answer

    async def _die(self):
        self._died.set()
        await asyncio.Event().wait()


@dataclass
class Outcome:
    """What stood in the channel at the end, and what was called.

    `appeared` are the signals in the order of their first message; `standing` the texts of each signal's messages;
    `sends` the texts of its sends; `silent` the signals that were told late by more than twice `LATE_AFTER` and do not
    say so.
    """

    lines: list
    standing: dict[str, list[str]] = field(default_factory=dict)
    appeared: list[str] = field(default_factory=list)
    sends: dict[str, list[str]] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    figures: Counter = field(default_factory=Counter)

    @property
    def signals(self):
        """Ids in the order of decision."""
        return [line.signal_id for line in self.lines if line.kind is SignalKind.ENTRY]

    @property
    def lost(self):
        return [name for name in self.signals if not self.standing.get(name)]

    @property
    def doubled(self):
        return [name for name, texts in self.standing.items() if len(texts) > 1]

    @property
    def unmarked_repeats(self):
        """Signals of which a second message was sent that did not say that it may be one."""
        return [name for name, texts in self.sends.items() if not all(REPEAT in text for text in texts[1:])]

    @property
    def unended(self):
        """Signals whose newest message does not show their last line."""
        return [name for name in self.signals if not self._ended(name)]

    def _ended(self, name):
        own = [line for line in self.lines if line.signal_id == name]
        words = message_text.visible(message_text.compose(own[-1], own[0])).split()
        return any(set(words) <= set(text.split()) for text in self.standing.get(name, [])[-1:])


class HostileStage:
    """A sandbox, a notifier that can die, and the logic engine's part of the bus."""

    def __init__(self, folder, *, seed, operations=OPERATIONS, speed=SPEED):
        self.clock = QuickClock(speed)
        self.lines = plan(seed)
        self.choose = Random(seed)  # noqa: S311 - the same deaths in every run
        self.bus = memory_bus.create(memory_bus.Options(), self.clock)
        self.store = sqlite.create(sqlite.Options(path=folder / "store.db"), self.clock)
        self.service = None
        self.lives = 0
        self._operations = operations
        self._seed = seed

    @asynccontextmanager
    async def running(self):
        """The sandbox is there; nothing else is."""
        sandbox = create_sandbox(
            clock=self.clock,
            market=GeneratedMarket(seed=self._seed, start=START, history=1),
            token=TOKEN,
            chat=CHAT,
            wait_for_client=True,
            seed=self._seed,
        )
        serving = asyncio.create_task(sandbox.run())
        try:
            self._at = await sandbox.started()
            async with aiohttp.ClientSession(self._at.rest_url) as self.http:
                await self._subscribe()
                yield self
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await self.bus.close()
            await self.store.close()

    async def _subscribe(self):
        """What is said before the notifier lives waits for it."""
        for contract in (catalog.SIGNALS, catalog.NOTICES):
            name = catalog.subscription(contract, "telegram_notifier")
            await (await self.bus.subscribe(contract.topic, name)).release()

    @asynccontextmanager
    async def alive(self, died=None):
        """One process of the notifier, from its start to its death."""
        adapter = telegram.create(
            telegram.Options(
                token=TOKEN,
                base_url=self._at.telegram_base_url,
                read_timeout=20 / self.clock.speed + 0.05,
                poll_timeout=1,
                operations_chat=self._operations,
            ),
            self.clock,
        )
        self.service = service.create(
            bus=self.bus,
            store=self.store,
            ledger=self.store,
            outbox=self.store,
            documents=self.store,
            notifier=DyingNotifier(adapter, self.choose, died) if died else adapter,
            charts=Renderer(),
            clock=self.clock,
            chats=(CHAT,),
            budget_per_minute=BUDGET,
            late_after=LATE_AFTER,
            late_ttl=LATE_TTL,
        )
        life = asyncio.create_task(self.service.run())
        self.lives += 1
        try:
            yield life
            if life.done():
                life.result()
        finally:
            life.cancel()
            with suppress(asyncio.CancelledError):
                await life
            await adapter.close()

    async def first_message(self):
        """Say the first line; return when it stands, and an id of the chat is known."""
        async with self.alive(), asyncio.timeout(PATIENCE):
            await self.clock.sleep(self.lines[0].time - self.clock.now())
            await self._say(self.lines[0])
            while await self.store.load_document("chats", CHAT) is None:
                await self.clock.sleep(500)

    async def until_delivered(self):
        """Say every other line at its time; return when the newest line of each signal is done with."""
        async with asyncio.timeout(PATIENCE):
            for line in self.lines[1:]:
                await self.clock.sleep(line.time - self.clock.now())
                await self._say(line)
            while await self._waiting():
                await self.clock.sleep(1_000)

    async def dying_every(self, millis, work):
        """Let the notifier die after at most so many ms, and begin anew, until `work` is done."""
        task = asyncio.create_task(work)
        try:
            while not task.done():
                died = asyncio.Event()
                async with self.alive(died):
                    end = asyncio.create_task(self.clock.sleep(self.choose.randrange(millis)))
                    death = asyncio.create_task(died.wait())
                    await asyncio.wait({task, end, death}, return_when=asyncio.FIRST_COMPLETED)
                    end.cancel()
                    death.cancel()
            await task
        finally:
            task.cancel()

    async def fault(self, **changes):
        """Switch faults of the sandbox."""
        async with self.http.post("/sandbox/faults", json=changes) as answer:
            assert answer.status == 200, await answer.text()

    async def get(self, what):
        async with self.http.get(f"/sandbox/{what}") as answer:
            return await answer.json()

    async def press(self):
        """Press the chart button of the first message."""
        line = self.lines[0]
        data = chart_button.data_for(line.strategy, line.symbol, line.open_time, line.side)
        async with self.http.post("/sandbox/press", json={"message_id": 1, "data": data}) as answer:
            assert answer.status == 200, await answer.text()

    async def answers(self):
        """How many presses the bot has answered."""
        calls = (await self.get("calls"))["methods"].get("answerCallbackQuery", {"by_status": {}})
        return calls["by_status"].get("200", 0)

    async def outcome(self):
        """What the sandbox saw."""
        found = Outcome(self.lines)
        for message in (await self.get("channel.json"))["messages"]:
            if message["signal_id"] is not None and not message["is_photo"]:
                if message["signal_id"] not in found.appeared:
                    found.appeared.append(message["signal_id"])
                found.standing.setdefault(message["signal_id"], []).append(message["text"])
        entry_times = {line.signal_id: line.entry_time for line in self.lines}
        names = {message_text.short_id(name): name for name in found.signals}
        for call in await self.get("transcript"):
            done = call["status"] == 200
            found.figures["too many"] += call["status"] == 429
            if call["method"] == "sendMessage" and done:
                text = call["result"]["text"]
                name = next(names[word] for word in SHORT_ID.findall(text) if word in names)
                found.sends.setdefault(name, []).append(text)
                if call["time"] - entry_times[name] > 2 * LATE_AFTER and LATE not in text:
                    found.silent.append(name)
                found.figures["sent"] += 1
                found.figures["possible repeats"] += REPEAT in text
            found.figures["edits"] += call["method"] == "editMessageText" and done
            found.figures["looks"] += call["method"] == "forwardMessage"
        found.figures["busiest minute"] = (await self.get("calls"))["chats"][CHAT]["busiest_minute"]
        found.figures |= Counter({"lost": len(found.lost), "doubled": len(found.doubled), "lives": self.lives})
        found.figures["minutes"] = (self.clock.now() - START) // MINUTE
        return found

    async def _say(self, line):
        key = BookKey(line.strategy, line.exchange, line.symbol)
        book = (await self.store.load_books([key])).get(key, Book(key))
        await self.store.commit([replace(book, unpublished=(line,))])
        name = f"{line.signal_id}/{line.revision}"
        await self.bus.publish(catalog.SIGNALS.topic, [codec.encode(catalog.SIGNALS, line, message_id=name)])

    async def _waiting(self):
        for line in self.lines:
            if line.kind is SignalKind.EXIT:
                entry = await self.store.load(CHAT, line.signal_id)
                if entry is None or entry.queue or entry.delivered_revision < line.revision:
                    return True
        return False


def report(name, outcome):
    """One line of figures, for who runs the tests with -s."""
    figures = {"lost": 0, "doubled": 0, "too many": 0, "possible repeats": 0} | outcome.figures
    print(f"\n{name}: {json.dumps(figures)}")  # noqa: T201 -- for people who run it with -s
