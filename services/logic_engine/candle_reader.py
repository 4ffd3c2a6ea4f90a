"""What the books want in, the stored candles they need out, with as few bounded reads as the port allows."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.ports import CandleStore

_MARGIN = 5  # candles read again at each wake: a loop that was late by less needs no second read


class Want(NamedTuple):
    """What is needed of one instrument.

    Attributes:
        after: Open time (ms UTC) of the last candle taken; 0 when none was.
        history: Candles wanted up to that one, to warm up; 0 for none.
    """

    after: int
    history: int


class CandleReader:
    """Reads the newest candles of all instruments at once; only one that fell behind is read by itself."""

    def __init__(self, store: CandleStore, timeframe: Timeframe, hole_patience: int) -> None:
        self._store = store
        self._timeframe = timeframe
        self._recent = hole_patience + _MARGIN

    async def read(self, wants: Mapping[Instrument, Want]) -> dict[Instrument, list[Candle]]:
        """The candles of each instrument, ascending, from where it wants them to the newest."""
        found: dict[Instrument, list[Candle]] = {}
        for history in sorted({want.history for want in wants.values()}):
            limit = history + self._recent
            group = [instrument for instrument, want in wants.items() if want.history == history]
            latest = await self._store.read_latest(group, self._timeframe, limit)
            for instrument in group:
                candles = latest[instrument]
                first = self._first_wanted(wants[instrument])
                if len(candles) == limit and candles[0].open_time > first > 0:
                    end = candles[-1].open_time + self._timeframe.millis
                    candles = await self._store.read(instrument, self._timeframe, first, end)
                found[instrument] = candles
        return found

    def _first_wanted(self, want: Want) -> int:
        """Open time, ms UTC, of the oldest candle that is needed; 0 or less where the newest ones will do."""
        return want.after - (want.history - 1) * self._timeframe.millis if want.after else 0
