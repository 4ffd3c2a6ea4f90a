"""What waits for one chat in, the order and pace of its requests out."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from services.telegram_notifier.mailbox import Key
from shared.domain.outbox_entry import LineKind, OutboxEntry, OutboxState
from shared.engine import outbox
from shared.engine.token_bucket import TokenBucket
from shared.ports import Clock

_FIRST_PAUSE, _LONGEST_PAUSE = 1_000, 60_000
# Requests under way at a time. Sends go one by one, so that signals appear in their order; edits are slow in large
# channels and may overlap, but updates never take all places.
_AT_ONCE = {LineKind.EXIT: 4, LineKind.ENTRY: 1, LineKind.NOTICE: 1, LineKind.UPDATE: 2}
# Share of the budget that must stay free for what is more urgent.
_RESERVED = {LineKind.EXIT: 0.0, LineKind.ENTRY: 0.0, LineKind.NOTICE: 0.0, LineKind.UPDATE: 0.33}
_RESERVED_BY_CHARTS = 0.5
_SETTLING = 5_000
# A request without an answer may still be carried out for so long (ms) after it was given up: only then does a look
# into the chat say the truth, and only then may a newer text be put over the older.


class Lane:
    """Pace of one chat: its budget, its pauses, its requests under way. Times are real, not the market's."""

    def __init__(self, clock: Clock, budget: int) -> None:
        self._clock = clock
        self._budget = budget
        self._bucket = TokenBucket(budget)
        self._resumes = 0
        self._failures = 0
        self._busy: dict[Key, LineKind | None] = {}
        self._unanswered: dict[tuple[str, int], int] = {}
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something changed: look again."""
        self._news.set()

    def pause(self, millis: int | None) -> int:
        """Make no request for `millis`, or for a growing while when None; returns the length in ms."""
        self._failures += 1
        if millis is None:
            millis = min(_LONGEST_PAUSE, _FIRST_PAUSE << min(self._failures - 1, 16))
        self._resumes = max(self._resumes, self._now() + millis)
        return millis

    def succeeded(self) -> None:
        """The chat answers: the next pause is a short one again."""
        self._failures = 0

    async def next(self, waiting: Callable[[], Iterable[OutboxEntry]]) -> OutboxEntry:
        """Wait for the entry whose turn it is, take a token for it and mark it busy until `done`.

        An entry that must first be looked for in the chat takes no token and no place: edits go on meanwhile. Sends of
        other signals wait until it is known, or what was decided first might appear last.
        """
        while True:
            self._news.clear()
            entry, wait = self._pick(waiting())
            if entry is not None:
                findable = outbox.is_findable(entry)
                if not findable:
                    self._bucket.take(self._now())
                self._busy[Key(entry.chat, entry.signal_id)] = None if findable else entry.queue[0].kind
                return entry
            await self._sleep(wait)

    def done(self, key: Key) -> None:
        """The entry's request is over."""
        self._busy.pop(key, None)
        self.wake()

    async def chart_turn(self) -> None:
        """Wait until a chart may be sent; half of the budget is never used by charts. Takes a token."""
        await self._take(_RESERVED_BY_CHARTS)

    async def another_turn(self) -> None:
        """Wait until the entry whose turn it is may make one more request. Takes a token."""
        await self._take(0.0)

    async def _take(self, reserved: float) -> None:
        while wait := self._wait(reserved):
            await self._clock.sleep(wait)
        self._bucket.take(self._now())

    def _pick(self, entries: Iterable[OutboxEntry]) -> tuple[OutboxEntry | None, int | None]:
        """The most urgent entry that may go now; otherwise ms until one may, or None when only news can help."""
        now = self._clock.now()
        free = [entry for entry in entries if entry.queue]
        settling = self._settling(free)
        in_doubt = [entry for entry in free if _is_in_doubt(entry)]
        free = [entry for entry in free if Key(entry.chat, entry.signal_id) not in self._busy]
        waits = [settling[entry.signal_id] for entry in free if entry.signal_id in settling]
        free = [entry for entry in free if entry.signal_id not in settling]
        lost = [entry for entry in free if outbox.is_findable(entry) and outbox.is_due(entry, now)]
        if lost and None not in self._busy.values():
            return min(lost, key=outbox.rank), None
        under_way = Counter(self._busy.values())
        free = [entry for entry in free if under_way[entry.queue[0].kind] < _AT_ONCE[entry.queue[0].kind]]
        free = [entry for entry in free if not in_doubt or entry.message_id is not None or _is_in_doubt(entry)]
        due = [entry for entry in free if outbox.is_due(entry, now) and not outbox.is_findable(entry)]
        waits += [entry.next_attempt - now for entry in free if entry.next_attempt > now]
        if due:
            first = min(due, key=outbox.rank)
            wait = self._wait(_RESERVED[first.queue[0].kind])
            if not wait:
                return first, None
            waits.append(wait)
        return None, min(waits, default=None)

    def _settling(self, entries: list[OutboxEntry]) -> dict[str, int]:
        """How long, in ms, each entry whose last request had no answer is still left alone."""
        now = self._now()
        unanswered = [entry for entry in entries if entry.state is OutboxState.UNCERTAIN]
        since = {
            key: self._unanswered.get(key, now) for key in ((entry.signal_id, entry.attempts) for entry in unanswered)
        }
        self._unanswered = since
        return {name: _SETTLING - (now - start) for (name, _), start in since.items() if now - start < _SETTLING}

    def _wait(self, reserved: float) -> int:
        now = self._now()
        return max(self._resumes - now, self._bucket.wait(now, int(self._budget * reserved)), 0)

    async def _sleep(self, millis: int | None) -> None:
        """Until something changes, or `millis` have passed."""
        waiters: list[asyncio.Task[Any]] = [asyncio.create_task(self._news.wait())]
        if millis is not None:
            waiters.append(asyncio.create_task(self._clock.sleep(max(1, millis))))
        try:
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()

    def _now(self) -> int:
        return int(self._clock.monotonic() * 1000)


def _is_in_doubt(entry: OutboxEntry) -> bool:
    """Whether it is not known if a signal's message stands in the chat; no signal waits for a notice."""
    about_signal = entry.queue[0].kind is not LineKind.NOTICE
    return about_signal and entry.state is OutboxState.UNCERTAIN and entry.message_id is None
