"""What waits for one chat in, the order and pace of its requests out."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from services.telegram_notifier.mailbox import Key
from shared.domain.outbox_entry import OutboxEntry
from shared.domain.signal import SignalKind
from shared.engine import outbox
from shared.engine.token_bucket import TokenBucket
from shared.ports import Clock

_FIRST_PAUSE, _LONGEST_PAUSE = 1_000, 60_000
# Requests under way at a time. Sends go one by one, so that signals appear in their order; edits are slow in large
# channels and may overlap, but updates never take all places.
_AT_ONCE = {SignalKind.EXIT: 4, SignalKind.ENTRY: 1, SignalKind.UPDATE: 2}
# Share of the budget that must stay free for what is more urgent.
_RESERVED = {SignalKind.EXIT: 0.0, SignalKind.ENTRY: 0.0, SignalKind.UPDATE: 0.33}
_RESERVED_BY_CHARTS = 0.5


class Lane:
    """Pace of one chat: its budget, its pauses, its requests under way. Times are real, not the market's."""

    def __init__(self, clock: Clock, budget: int) -> None:
        self._clock = clock
        self._budget = budget
        self._bucket = TokenBucket(budget)
        self._resumes = 0
        self._failures = 0
        self._busy: dict[Key, SignalKind] = {}
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
        """Wait for the entry whose turn it is, take a token for it and mark it busy until `done`."""
        while True:
            self._news.clear()
            entry, wait = self._pick(waiting())
            if entry is not None:
                self._bucket.take(self._now())
                self._busy[Key(entry.chat, entry.signal_id)] = entry.queue[0].kind
                return entry
            await self._sleep(wait)

    def done(self, key: Key) -> None:
        """The entry's request is over."""
        self._busy.pop(key, None)
        self.wake()

    async def chart_turn(self) -> None:
        """Wait until a chart may be sent; half of the budget is never used by charts. Takes a token."""
        while wait := self._wait(_RESERVED_BY_CHARTS):
            await self._clock.sleep(wait)
        self._bucket.take(self._now())

    def _pick(self, entries: Iterable[OutboxEntry]) -> tuple[OutboxEntry | None, int | None]:
        """The most urgent entry that may go now; otherwise ms until one may, or None when only news can help."""
        now = self._clock.now()
        under_way = Counter(self._busy.values())
        free = [entry for entry in entries if entry.queue and Key(entry.chat, entry.signal_id) not in self._busy]
        free = [entry for entry in free if under_way[entry.queue[0].kind] < _AT_ONCE[entry.queue[0].kind]]
        due = [entry for entry in free if outbox.is_due(entry, now)]
        waits = [entry.next_attempt - now for entry in free if entry.next_attempt > now]
        if due:
            first = min(due, key=outbox.rank)
            wait = self._wait(_RESERVED[first.queue[0].kind])
            if not wait:
                return first, None
            waits.append(wait)
        return None, min(waits, default=None)

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
