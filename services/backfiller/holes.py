"""Stored candles in, the spans of minutes that must be asked of the venue out. Pure."""

from collections.abc import Iterable, Sequence

from shared.domain.candle import Candle
from shared.domain.timeframe import Timeframe

_SPAN = Timeframe.M1.millis
_JOIN = 60 * _SPAN  # one request for two minutes an hour apart is cheaper than two requests


def missing(stored: Sequence[Candle], start: int, end: int) -> list[int]:
    """Open times in ``start <= open_time < end`` (whole minutes, ms UTC) without a complete candle, ascending."""
    complete = {candle.open_time for candle in stored if candle.complete}
    return [open_time for open_time in range(start, end, _SPAN) if open_time not in complete]


def spans(open_times: Iterable[int]) -> list[tuple[int, int]]:
    """Few ``(start, end)`` spans, `end` exclusive, that hold all of the minutes; neighbours share one."""
    found: list[tuple[int, int]] = []
    for open_time in sorted(open_times):
        if found and open_time - found[-1][1] <= _JOIN:
            found[-1] = (found[-1][0], open_time + _SPAN)
        else:
            found.append((open_time, open_time + _SPAN))
    return found
