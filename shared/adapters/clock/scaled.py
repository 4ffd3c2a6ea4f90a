"""A clock of market time that runs faster than the machine's: for the sandbox, where an hour passes in a minute."""

import asyncio
import time

from pydantic import BaseModel, ConfigDict, Field

_CLOSING_SPEED = 5.0


class Options(BaseModel):
    """Where market time starts and how fast it runs. Processes with equal options agree on the time.

    Attributes:
        market_start: Market time in ms UTC at `wall_start`.
        wall_start: Wall clock in ms UTC at which the market starts; None for when `ScaledClock.begin` is called.
        speed: Market milliseconds for each millisecond of the wall.
        closing: Market time in ms UTC from which it runs at most 5 times as fast as the wall; None for never. A venue's
            time is known by when its frames arrive: what the machine is late by, the market's speed multiplies, and
            after a last frame nothing could tell by how much.
        halt: Market time in ms UTC at which it stands again; None for never.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    market_start: int
    wall_start: int | None = None
    speed: float = Field(default=1.0, gt=0, le=100_000)
    closing: int | None = None
    halt: int | None = None


class ScaledClock:
    """Market time: stands at `market_start` until `wall_start`, then runs `speed` times as fast until `closing`, then
    slowly up to `halt`."""

    def __init__(
        self,
        market_start: int,
        wall_start: int | None,
        speed: float,
        *,
        closing: int | None = None,
        halt: int | None = None,
    ) -> None:
        self._market_start = market_start
        self._wall_start = wall_start
        self.speed = speed
        """Market time in one of real time."""
        self._closing = closing
        self._halt = halt

    def begin(self) -> None:
        """Let market time run from now on, if it stands."""
        if self._wall_start is None:
            self._wall_start = time.time_ns() // 1_000_000

    def now(self) -> int:
        """Market time in ms UTC."""
        if self._wall_start is None:
            return self._market_start
        passed = max(0, time.time_ns() // 1_000_000 - self._wall_start)
        now = self._market_start + int(passed * self.speed)
        if self._closing is not None and now > self._closing:
            closed = passed - (self._closing - self._market_start) / self.speed
            now = self._closing + int(closed * min(self.speed, _CLOSING_SPEED))
        return now if self._halt is None else min(now, self._halt)

    def monotonic(self) -> float:
        """Seconds of the machine that never go back (durations of work are real, not market time)."""
        return time.monotonic()

    async def sleep(self, millis: int) -> None:
        """Return after `millis` of running market time, even while it stands."""
        await asyncio.sleep(max(0, millis) / 1000 / self.speed)


def create(options: Options) -> ScaledClock:
    """A clock of market time."""
    return ScaledClock(
        options.market_start, options.wall_start, options.speed, closing=options.closing, halt=options.halt
    )
