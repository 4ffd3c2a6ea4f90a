"""Calls of the Bot API in, numbers by method and by chat out: calls, answers by status, and rates a minute.

Minutes are the machine's: limits are there for the patience of people, which runs by no market's time.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from services.sandbox.minute_window import MinuteWindow
from shared.ports import Clock


@dataclass(slots=True)
class _Count:
    by_status: Counter[int] = field(default_factory=Counter)
    window: MinuteWindow = field(default_factory=MinuteWindow)


class CallCounters:
    """Counts what was answered.

    Args:
        clock: Its monotonic seconds tell how long a minute is.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._methods: defaultdict[str, _Count] = defaultdict(_Count)
        self._chats: defaultdict[str, _Count] = defaultdict(_Count)

    def add(self, method: str, chat: str | None, status: int) -> None:
        """A call was answered with an HTTP status, or would have been if its connection had held; `chat` where it is
        about one that exists."""
        now = self._clock.monotonic()
        for count in (self._methods[method], *([self._chats[chat]] if chat is not None else [])):
            count.by_status[status] += 1
            count.window.add(now)

    def as_json(self) -> dict[str, Any]:
        """``methods`` and ``chats``, each name with ``calls``, ``by_status``, ``too_many`` (answers 429), and the calls
        of the ``last_minute`` and of the ``busiest_minute``."""
        return {"methods": self._shown(self._methods), "chats": self._shown(self._chats)}

    def _shown(self, counts: dict[str, _Count]) -> dict[str, Any]:
        now = self._clock.monotonic()
        return {
            name: {
                "calls": count.by_status.total(),
                "by_status": {str(status): number for status, number in sorted(count.by_status.items())},
                "too_many": count.by_status[429],
                "last_minute": count.window.count(now),
                "busiest_minute": count.window.busiest,
            }
            for name, count in sorted(counts.items())
        }
