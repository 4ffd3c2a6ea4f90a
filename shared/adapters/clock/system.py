"""The machine's clock. The only module that reads it."""

import asyncio
import time

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """This clock has nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SystemClock:
    """Wall and monotonic clock of this machine."""

    def now(self) -> int:
        """Wall clock in ms UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, millis: int) -> None:
        """Return after `millis`."""
        await asyncio.sleep(max(0, millis) / 1000)


def create(options: Options) -> SystemClock:
    """The machine's clock."""
    del options
    return SystemClock()
