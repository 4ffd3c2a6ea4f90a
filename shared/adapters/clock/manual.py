"""A clock that stands still until it is told otherwise: for replays and tests."""

import asyncio
import heapq
from itertools import count

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Time at the start, ms UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    start: int = 0


class ManualClock:
    """Time moves only by `advance_to`; sleepers wake in the order of their times."""

    def __init__(self, start: int = 0) -> None:
        self._now = start
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> int:
        """The time last set, ms UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds, from the same time."""
        return self._now / 1000

    async def sleep(self, millis: int) -> None:
        """Return once the time has been moved past now + `millis`."""
        if millis <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + millis, next(self._order), waiter))
        await waiter

    def advance_to(self, time: int) -> None:
        """Set the time (never back) and wake everyone whose time has come."""
        while self._sleepers and self._sleepers[0][0] <= time:
            due, _, waiter = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            if not waiter.done():
                waiter.set_result(None)
        self._now = max(self._now, time)


def create(options: Options) -> ManualClock:
    """A clock that stands still."""
    return ManualClock(options.start)
