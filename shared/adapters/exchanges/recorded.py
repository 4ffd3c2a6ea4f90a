"""Recorded trade files in, the live feed they once were out: event by event, over event time.

A replay chooses this exchange instead of a live one; nothing else in the services differs.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from shared.adapters.recorded_trades import AUTO, read_recorded
from shared.adapters.wire.read_report import ReadReport
from shared.domain.feed import FeedAlive, FeedConnected, FeedEvent, FeedTrades
from shared.domain.timeframe import Timeframe
from shared.domain.trade import Trade
from shared.ports import Clock

_FRAME = 1_000  # ms of event time whose trades come as one frame
_LAG = 3_600_000  # ms by which a trade in a file may stand behind later ones
_IDLE_STEP = 1_000  # ms of market time ...
_IDLE_PAUSE = 0.002  # ... in this many seconds, once the recording is over


class Options(BaseModel):
    """What to replay.

    Attributes:
        files: Trade files; several are one stream.
        format: Their format, ``auto`` to recognise it.
        columns: Field to column, for tables.
        speed: Market time against real time; 0 is as fast as it goes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    files: tuple[Path, ...] = Field(min_length=1)
    format: str = AUTO
    columns: dict[str, str] | None = None
    speed: float = Field(default=0.0, ge=0)


@runtime_checkable
class MovableClock(Protocol):
    """A clock that a replay sets."""

    def advance_to(self, time: int) -> None:
        """Set the time, ms UTC."""
        ...


class RecordedExchange:
    """A `TradeFeed` over files. When the clock can be set, market time follows the recording."""

    exchange = "recorded"

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self.report = ReadReport()
        self.trades = 0
        self.end: int | None = None
        """Set when the last event was handed out: end of the last minute, ms UTC."""

    async def events(self, symbols: Sequence[str]) -> AsyncIterator[FeedEvent]:
        """The recording, then silence for ever. Its first and last minute count as wholly recorded.

        Raises:
            InvalidInput: A file cannot be read or holds no trade of the symbol.
        """
        (symbol,) = symbols
        watermark = 0
        for frame_end, frame in groupby(self._sorted_trades(symbol), key=_frame_end):
            trades = tuple(frame)
            if not watermark:
                covered_from = Timeframe.M1.floor(trades[0].event_time)
                await self._wait_until(covered_from, covered_from)
                yield FeedConnected(symbols=(symbol,), refused={}, covered_from=covered_from)
            await self._wait_until(frame_end, watermark or frame_end)
            watermark = frame_end
            self.trades += len(trades)
            yield FeedTrades(trades, venue_time=frame_end, receive_time=self._clock.now())
        end = Timeframe.M1.floor(watermark - 1) + Timeframe.M1.millis
        # Far enough for every grace, not so far that the next minute would close.
        yield FeedAlive(end + Timeframe.M1.millis - 1)
        self.end = end
        time = end
        while True:
            time += _IDLE_STEP
            await self._wait_until(time, time)
            await asyncio.sleep(_IDLE_PAUSE)

    async def close(self) -> None:
        """Nothing is held open."""

    def _sorted_trades(self, symbol: str) -> Iterator[Trade]:
        options = self._options
        return _in_time_order(
            read_recorded(
                options.files,
                symbol=symbol,
                format_name=options.format,
                columns=options.columns,
                report=self.report,
            )
        )

    async def _wait_until(self, time: int, since: int) -> None:
        """Let event time pass from `since` to `time`."""
        if isinstance(self._clock, MovableClock):
            self._clock.advance_to(time)
        pause = (time - since) / 1000 / self._options.speed if self._options.speed else 0
        await asyncio.sleep(pause)


def _frame_end(trade: Trade) -> int:
    return trade.event_time - trade.event_time % _FRAME + _FRAME


def _in_time_order(trades: Iterable[Trade]) -> Iterator[Trade]:
    """Sort by time what is out of order by up to an hour; bounded memory."""
    waiting: list[tuple[int, int, int, Trade]] = []
    for place, trade in enumerate(trades):
        heapq.heappush(waiting, (trade.event_time, trade.sequence, place, trade))
        while waiting[0][0] < trade.event_time - _LAG:
            yield heapq.heappop(waiting)[3]
    while waiting:
        yield heapq.heappop(waiting)[3]


def create(options: Options, clock: Clock) -> RecordedExchange:
    """A feed over recorded files."""
    return RecordedExchange(options, clock)
