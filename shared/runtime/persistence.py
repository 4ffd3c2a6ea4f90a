"""An effect on the outside world in, its result out, however long the world is away."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import Unavailable
from shared.ports import Clock

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class Persistence:
    """Repeats an effect until the outside world takes it. Effects are idempotent: an attempt may have half succeeded.

    Args:
        clock: For the pauses.
        first: First pause, ms; each later one is twice as long.
        longest: No pause is longer, ms, unless the other side asked for it.

    Attributes:
        trouble: What is away now, in one line; empty while all is well.
    """

    def __init__(self, clock: Clock, *, first: int = 250, longest: int = 10_000) -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self.trouble = ""

    async def insist(self, effect: Callable[[], Awaitable[Result]]) -> Result:
        """Result of `effect`, after as many attempts as it takes. An outage is logged once, and its end too."""
        pause = self._first
        while True:
            try:
                result = await effect()
            except Unavailable as error:
                if not self.trouble:
                    logger.warning("waiting for an outside system", extra={"reason": str(error)})
                self.trouble = str(error)
                await self._clock.sleep(max(pause, error.retry_after or 0))
                pause = min(self._longest, pause * 2)
            else:
                if self.trouble:
                    logger.info("the outside system is back", extra={"reason": self.trouble})
                self.trouble = ""
                return result
