"""Symbols in; every minute the store lacks, filled from the venue: the warm-up at start, later what nobody reported."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from services.backfiller.filler import Filler
from services.backfiller.healing import SETTLE_MILLIS
from services.backfiller.holes import missing
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import Refused
from shared.ports import CandleStore, Clock

logger = logging.getLogger(__name__)

SWEEP_MILLIS = 15_000
"""Pause between two sweeps."""

_MINUTE = Timeframe.M1.millis
_DEPTH = 60  # minutes looked back at after the warm-up
_PATIENCE = 2 * _MINUTE  # a younger minute is the aggregator's affair
_REFUSED_PAUSE = 10 * _MINUTE


@dataclass(slots=True)
class _Place:
    """How far one symbol is: whether its history is there, and when to look again after looking in vain."""

    warm: bool = False
    vain: int = 0
    look_at: int = 0


class Sweep:
    """Looks for holes. Times are ms UTC.

    Args:
        exchange: Of the candles.
        symbols: Whose candles.
        warm_up: Minutes of history wanted at start.
    """

    def __init__(
        self, exchange: str, symbols: Sequence[str], warm_up: int, *, filler: Filler, store: CandleStore, clock: Clock
    ) -> None:
        self._exchange = exchange
        self._places = {symbol: _Place() for symbol in symbols}
        self._filler = filler
        self._store = store
        self._clock = clock
        self._started = clock.now()
        self._oldest = max(0, Timeframe.M1.floor(self._started) - warm_up * _MINUTE)
        self.refused: dict[str, str] = {}
        """Symbols the venue refuses, with its words."""

    @property
    def cold(self) -> list[str]:
        """Symbols whose history is not there yet."""
        return [symbol for symbol, place in self._places.items() if not place.warm and symbol not in self.refused]

    async def round(self) -> None:
        """Look at every symbol once.

        Raises:
            Unavailable: The venue, the store or the bus is away; the round can be repeated.
        """
        for symbol, place in self._places.items():
            if place.look_at > self._clock.now():
                continue
            try:
                await self._look(symbol, place)
            except Refused as error:
                if symbol not in self.refused:
                    logger.warning("the venue refuses a symbol", extra={"symbol": symbol, "reason": str(error)})
                self.refused[symbol] = str(error)
                place.look_at = self._clock.now() + _REFUSED_PAUSE

    async def _look(self, symbol: str, place: _Place) -> None:
        now = self._clock.now()
        end = self._end(now)
        start = max(self._oldest, end - _DEPTH * _MINUTE) if place.warm else self._oldest
        stored = await self._store.read(Instrument(self._exchange, symbol), Timeframe.M1, start, end)
        holes = missing(stored, start, end)
        if holes:
            filled = await self._filler.fill(symbol, holes)
            if place.warm:  # of the warm-up nobody waits for messages: readers start from the store
                await self._filler.publish(symbol, [candle.open_time for candle in filled.changed])
            # What the venue does not list (a young market) is asked for less and less often.
            place.vain = 0 if filled.changed else min(place.vain + 1, 6)
            place.look_at = now + SWEEP_MILLIS * (2**place.vain - 1)
            logger.info("holes filled", extra={"symbol": symbol, "missing": len(holes), "filled": len(filled.changed)})
        place.warm = True
        self.refused.pop(symbol, None)

    def _end(self, now: int) -> int:
        """End of what is looked at. Minutes that were over when we started have no other healer, so they wait only
        until the venue's kline is final."""
        over_at_start = min(self._started, now - SETTLE_MILLIS)
        return Timeframe.M1.floor(max(over_at_start, now - _PATIENCE))
