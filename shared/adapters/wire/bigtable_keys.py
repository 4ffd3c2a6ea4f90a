"""Instruments, timeframes and times in, row keys and column names of a candle table out, and back. Pure.

A row holds an hour of candles shorter than an hour, and a day of the others, one column each: time buckets read and
write much faster than a row per candle (https://cloud.google.com/bigtable/docs/schema-design-time-series). Keys are
``exchange#symbol#reverse bucket``: series are spread over the key space, and the newest row of one comes first. What is
known of a series as a whole stands in its head row, ``#exchange#symbol``; heads lie together, before all candles.
"""

from functools import cache, lru_cache
from typing import Final
from urllib.parse import quote, unquote

from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe

HEADS: Final = (b"#", b"$")
"""Half-open key range of all head rows: ``$`` follows ``#``."""

_DIGITS: Final = 8
_LAST: Final = 10**_DIGITS - 1
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def joined(*parts: str) -> bytes:
    """A key of several parts. Each is quoted, so that different parts never make the same key."""
    return "#".join(quote(part, safe="@") for part in parts).encode()


@lru_cache(maxsize=10_000)
def prefix(instrument: Instrument) -> bytes:
    """What all candle rows of an instrument begin with: all but the reverse bucket."""
    return joined(*instrument) + b"#"


@lru_cache(maxsize=10_000)
def head_key(instrument: Instrument) -> bytes:
    """Key of the row about the series as a whole."""
    return b"#" + joined(*instrument)


def instrument_of_head(key: bytes) -> Instrument:
    """The instrument of a head row."""
    exchange, symbol = key[1:].decode().split("#")
    return Instrument(unquote(exchange), unquote(symbol))


def bucket_millis(timeframe: Timeframe) -> int:
    """Span of one row."""
    return _HOUR if timeframe.millis < _HOUR else _DAY


def row_key(instrument: Instrument, timeframe: Timeframe, time: int) -> bytes:
    """Key of the row with the candle of `time` (ms UTC). Times outside the calendar are moved to its ends."""
    bucket = min(max(time // bucket_millis(timeframe), 0), _LAST)
    return prefix(instrument) + b"%08d" % (_LAST - bucket)


def split_row_key(key: bytes, timeframe: Timeframe) -> tuple[bytes, int]:
    """The series' prefix, and the start of the row in ms UTC."""
    return key[:-_DIGITS], (_LAST - int(key[-_DIGITS:])) * bucket_millis(timeframe)


def qualifier(timeframe: Timeframe, open_time: int) -> bytes:
    """Column of a candle: the minute of its hour, or the hour of its day, two digits."""
    return b"%02d" % (open_time % bucket_millis(timeframe) // _unit(timeframe))


@cache
def offsets(timeframe: Timeframe) -> dict[bytes, int]:
    """Milliseconds from the start of a row to the candle in each of its columns."""
    times = range(0, bucket_millis(timeframe), timeframe.millis)
    return {qualifier(timeframe, time): time for time in times}


def _unit(timeframe: Timeframe) -> int:
    return _MINUTE if timeframe.millis < _HOUR else _HOUR
