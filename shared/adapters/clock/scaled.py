"""A clock of market time that runs faster than the machine's: for the sandbox, where an hour passes in a minute."""

import asyncio
import time

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Where market time starts and how fast it runs. Processes with equal options agree on the time.

    Attributes:
        market_start: Market time in ms UTC at `wall_start`.
        wall_start: Wall clock in ms UTC at which the market starts; None for when `ScaledClock.begin` is called.
        speed: Market milliseconds for each millisecond of the wall.
        halt: Market time in ms UTC at which it stands again; None for never.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    market_start: int
    wall_start: int | None = None
    speed: float = Field(default=1.0, gt=0, le=100_000)
    halt: int | None = None


class ScaledClock:
    """Market time: stands at `market_start` until `wall_start`, then runs `speed` times as fast, up to `halt`."""

    def __init__(self, market_start: int, wall_start: int | None, speed: float, halt: int | None = None) -> None:
        self._market_start = market_start
        self._wall_start = wall_start
        self._speed = speed
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
        now = self._market_start + int(passed * self._speed)
        return now if self._halt is None else min(now, self._halt)

    def monotonic(self) -> float:
        """Seconds of the machine that never go back (durations of work are real, not market time)."""
        return time.monotonic()

    async def sleep(self, millis: int) -> None:
        """Return after `millis` of running market time, even while it stands."""
        await asyncio.sleep(max(0, millis) / 1000 / self._speed)


def create(options: Options) -> ScaledClock:
    """A clock of market time."""
    return ScaledClock(options.market_start, options.wall_start, options.speed, options.halt)
