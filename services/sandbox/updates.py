"""What happened for the bot: button presses in, updates to its long polls out.

Updates are numbered; a poll with an offset confirms all before it. Of two pollers the older one is sent away. Callback
queries are kept 150 seconds. These are seconds of people, not of the market: they do not run faster with it.
"""

import asyncio
from collections.abc import Collection
from typing import Any

from services.sandbox.telegram_error import bad_request, conflict
from shared.ports import Clock

_KEPT_SECONDS = 150.0
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


class Updates:
    """The queue of one bot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: list[tuple[float, dict[str, Any]]] = []
        self._unanswered: dict[str, float] = {}
        self._last_id = 0
        self._poller: asyncio.Event | None = None
        self._terminated: set[asyncio.Event] = set()
        self._allowed: Collection[str] | None = None

    def __len__(self) -> int:
        """Updates not yet confirmed."""
        self._forget_old()
        return len(self._queue)

    def press(self, message: dict[str, Any], data: str) -> str:
        """Somebody pressed a button of `message`; returns the callback query's id."""
        self._last_id += 1
        query_id = str(4_000_000_000_000_000_000 + self._last_id)
        query = {
            "id": query_id,
            "from": {"id": 111, "is_bot": False, "first_name": "You"},
            "message": message,
            "chat_instance": str(abs(message["chat"]["id"])),
            "data": data,
        }
        now = self._clock.monotonic()
        self._unanswered[query_id] = now
        if self._allowed is None or not self._allowed or "callback_query" in self._allowed:
            self._queue.append((now, {"update_id": self._last_id, "callback_query": query}))
        if self._poller is not None:
            self._poller.set()
        return query_id

    def answer(self, query_id: str) -> None:
        """The bot answers a query.

        Raises:
            TelegramError: 400, it is unknown, too old, or answered already.
        """
        self._forget_old()
        if self._unanswered.pop(query_id, None) is None:
            raise bad_request(_TOO_OLD)

    async def poll(
        self, offset: int, limit: int, timeout_seconds: float, allowed: Collection[str] | None
    ) -> list[dict[str, Any]]:
        """Updates from `offset` on; waits up to `timeout_seconds` for the first.

        Raises:
            TelegramError: 409, a younger poll has come.
        """
        if allowed is not None:
            self._allowed = allowed
        self._confirm(offset)
        if self._poller is not None:
            self._terminated.add(self._poller)
            self._poller.set()
        mine = self._poller = asyncio.Event()
        try:
            if not len(self) and timeout_seconds > 0:
                await _wait(mine, timeout_seconds)
            if mine in self._terminated:
                raise conflict()
        finally:
            self._terminated.discard(mine)
            if self._poller is mine:
                self._poller = None
        self._forget_old()
        return [update for _, update in self._queue[:limit]]

    def _confirm(self, offset: int) -> None:
        """Forget what is before `offset`; a negative one keeps that many of the newest."""
        if offset > 0:
            self._queue = [entry for entry in self._queue if entry[1]["update_id"] >= offset]
        elif offset < 0:
            self._queue = self._queue[offset:]

    def _forget_old(self) -> None:
        oldest = self._clock.monotonic() - _KEPT_SECONDS
        self._queue = [entry for entry in self._queue if entry[0] > oldest]
        self._unanswered = {query: time for query, time in self._unanswered.items() if time > oldest}


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event or the end of the time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
