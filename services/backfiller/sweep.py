"""Symbols in; every minute the store lacks, filled from the venue: history at start, later what nobody reported."""

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

REFUSED_PAUSE = 10 * _MINUTE
"""ms for which a symbol that the venue refuses is left alone."""

_DEPTH = 60 * _MINUTE  # looked back at, at least, after the start
_WINDOW = 1_000 * _MINUTE  # handled at once: what is filled stays filled when an outage comes in between
_FARTHEST = 31 * 1_440 * _MINUTE  # of a longer downtime, only the end is filled
_PATIENCE = 2 * _MINUTE  # a younger minute is the aggregator's affair


@dataclass(slots=True)
class _Place:
    """How far one symbol is: up to where it has been looked at, and when to look again after looking in vain.

    `oldest` is the first minute of its history, `looked_to` the end of what has been looked at (ms UTC); None before.
    """

    oldest: int | None = None
    looked_to: int | None = None
    vain: int = 0
    look_at: int = 0


class Sweep:
    """Looks for holes. Times are ms UTC.

    Args:
        exchange: Of the candles.
        symbols: Whose candles.
        warm_up: Minutes of history wanted at start; more are filled when the store goes back further and has a hole.
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
        self._warm_up = warm_up

    @property
    def cold(self) -> list[str]:
        """Symbols whose history is not there yet."""
        cold = (symbol for symbol, place in self._places.items() if place.looked_to is None)
        return [symbol for symbol in cold if symbol not in self._filler.refused]

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
            except Refused:  # the filler has told it
                place.look_at = self._clock.now() + REFUSED_PAUSE

    async def _look(self, symbol: str, place: _Place) -> None:
        now = self._clock.now()
        end = self._end(now)
        start = await self._start(symbol, place, end)
        holes, filled = 0, 0
        for first in range(start, end, _WINDOW):
            missed, changed = await self._fill(symbol, place, first, min(first + _WINDOW, end))
            holes, filled = holes + missed, filled + changed
        if holes:
            # What the venue does not list (a young market) is asked for less and less often.
            place.vain = 0 if filled else min(place.vain + 1, 6)
            place.look_at = now + SWEEP_MILLIS * (2**place.vain - 1)
            logger.info("holes filled", extra={"symbol": symbol, "missing": holes, "filled": filled})
        place.looked_to = end

    async def _fill(self, symbol: str, place: _Place, start: int, end: int) -> tuple[int, int]:
        """Minutes that were missing in the span, and those of them that are there now."""
        stored = await self._store.read(Instrument(self._exchange, symbol), Timeframe.M1, start, end)
        holes = missing(stored, start, end)
        if not holes:
            return 0, 0
        filled = await self._filler.fill(symbol, holes)
        if place.looked_to is not None:  # at the start nobody waits for messages: readers begin with the store
            await self._filler.publish(symbol, [candle.open_time for candle in filled.changed])
        return len(holes), len(filled.changed)

    async def _start(self, symbol: str, place: _Place, end: int) -> int:
        """Where to look from: at first the whole history, later an hour back, or to where the last look came, which was
        long ago when the venue was away."""
        if place.oldest is None:
            place.oldest = await self._history_start(symbol)
        if place.looked_to is None:
            return place.oldest
        return max(place.oldest, min(place.looked_to, end - _DEPTH))

    async def _history_start(self, symbol: str) -> int:
        """The warm-up, or further back where the newest stored candles begin: the downtime behind them is a hole, too.

        As many as the warm-up are looked at, because the very newest may have been written since the downtime.
        """
        instrument = Instrument(self._exchange, symbol)
        stored = await self._store.read_latest([instrument], Timeframe.M1, max(self._warm_up, _DEPTH // _MINUTE))
        start = Timeframe.M1.floor(self._started)
        known = [candle.open_time for candle in stored[instrument][:1]]
        return max(0, start - _FARTHEST, min([start - self._warm_up * _MINUTE, *known]))

    def _end(self, now: int) -> int:
        """End of what is looked at. Minutes that were over when we started have no other healer, so they wait only
        until the venue's kline is final."""
        over_at_start = min(self._started, now - SETTLE_MILLIS)
        return Timeframe.M1.floor(max(over_at_start, now - _PATIENCE))
