"""Composes the macro engine: the larger trend's candles in, a bias for every symbol on the bus every 5 minutes out."""

import logging

from services.macro_engine.macro_round import MacroRound, Outcome
from shared.engine.macro_votes import TIMEFRAME
from shared.ports import Clock
from shared.runtime.persistence import Persistence
from shared.runtime.service import Health, HealthStatus, Service

logger = logging.getLogger(__name__)


class _MacroEngine:
    """Runs a round at the start and behind the end of every 5-minute candle."""

    name = "macro_engine"

    def __init__(self, work: MacroRound, clock: Clock, delay: int) -> None:
        self._round = work
        self._clock = clock
        self._delay = delay
        self._effort = Persistence(clock, first=1_000, longest=30_000)
        self._last: Outcome | None = None
        self._published = 0

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._effort.insist(self._once)
            now = self._clock.now()
            await self._clock.sleep(TIMEFRAME.floor(now) + TIMEFRAME.millis + self._delay - now)

    def health(self) -> Health:
        """OK while every symbol has a bias of the candle that was last over."""
        facts: dict[str, int | float | str] = {"published": self._published}
        last = self._last
        if last is not None:
            own = sum(bias.source != self._round.source for bias in last.biases)
            facts |= {"bias_time": last.time, "by_venue": len(last.biases) - own, "by_own_candles": own}
            facts["unlisted"] = ", ".join(sorted(last.unlisted))
        if self._effort.trouble:
            return Health(HealthStatus.DEGRADED, f"waits: {self._effort.trouble}", facts)
        if last is None:
            return Health(HealthStatus.STARTING, "no round yet", facts)
        lacking = "; ".join(f"{symbol} has no bias: {why}" for symbol, why in sorted(last.without.items()))
        if last.trouble:
            return Health(HealthStatus.DEGRADED, "; ".join(filter(None, (last.trouble, lacking))), facts)
        return Health(HealthStatus.STARTING if lacking else HealthStatus.OK, lacking, facts)

    async def _once(self) -> None:
        now = self._clock.now()
        if self._last is not None and self._last.time == TIMEFRAME.floor(now):  # market time stands
            return
        outcome = await self._round.run(now)
        before = self._last.trouble if self._last is not None else ""
        if outcome.trouble and not before:
            logger.warning("the macro venue is away", extra={"reason": outcome.trouble})
        self._last = outcome
        self._published += len(outcome.biases)


def create(*, work: MacroRound, clock: Clock, delay: int) -> Service:
    """The macro engine.

    Args:
        work: What a round does.
        clock: Market time.
        delay: ms behind the end of a candle after which the venue is asked for it.
    """
    return _MacroEngine(work, clock, delay)
