"""Candles in, rows of an SQLite file out, and back.

Minutes come first in the key, so that closing a minute of many symbols writes neighbouring rows: 7 times as fast as
symbols first (``benchmarks/sqlite_candles.py``). A read of one symbol looks its open times up one by one; they are
known, since candles stand on the grid of their timeframe. That needs no second index, which would cost the writes more
than it gives the reads. The table ``series`` knows the first and last open time of each instrument and so bounds what
a read looks up. Numbers are decimal texts, digit for digit.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from sqlite3 import Connection
from typing import Any

import msgspec

from shared.adapters.wire.grid import check_on_grid
from shared.domain.candle import Candle, CandleSource, FormingCandle, Look
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.messages.codec import from_json, to_json

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS candles (
        timeframe TEXT NOT NULL, open_time INTEGER NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL,
        open TEXT NOT NULL, high TEXT NOT NULL, low TEXT NOT NULL, close TEXT NOT NULL,
        quantity TEXT NOT NULL, turnover TEXT NOT NULL, trades INTEGER NOT NULL, complete INTEGER NOT NULL,
        revision INTEGER NOT NULL, source TEXT NOT NULL, looks BLOB NOT NULL,
        PRIMARY KEY (timeframe, open_time, exchange, symbol)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS series (
        timeframe TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (timeframe, exchange, symbol)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS forming (
        timeframe TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL,
        as_of INTEGER NOT NULL, open_time INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (timeframe, exchange, symbol)) WITHOUT ROWID""",
)

_ONE = "SELECT * FROM candles WHERE timeframe=? AND open_time=? AND exchange=? AND symbol=?"
_PUT = "INSERT OR REPLACE INTO candles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# CROSS JOIN keeps SQLite from turning the loops round (https://www.sqlite.org/optoverview.html#crossjoin).
_RANGE = """WITH RECURSIVE grid (at) AS (SELECT :first WHERE :first <= :last
        UNION ALL SELECT at + :step FROM grid WHERE at + :step <= :last)
    SELECT candles.* FROM grid CROSS JOIN candles
    ON timeframe=:timeframe AND open_time=at AND exchange=:exchange AND symbol=:symbol"""
_SPAN = "SELECT first, last FROM series WHERE timeframe=? AND exchange=? AND symbol=?"
_STRETCH = """INSERT INTO series VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
    SET first=min(first, excluded.first), last=max(last, excluded.last)"""
_END_FORMING = "DELETE FROM forming WHERE timeframe=? AND exchange=? AND symbol=? AND open_time <= ?"
_PUT_FORMING = """INSERT INTO forming VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
    SET as_of=excluded.as_of, open_time=excluded.open_time, body=excluded.body
    WHERE (excluded.as_of, excluded.open_time) >= (as_of, open_time)"""
_FORMING = """SELECT body FROM forming LEFT JOIN series USING (timeframe, exchange, symbol)
    WHERE timeframe=? AND exchange=? AND symbol=? AND (last IS NULL OR open_time > last)"""

_looks = msgspec.json.Decoder(tuple[Look, ...])


def write(connection: Connection, candles: Sequence[Candle]) -> list[Candle]:
    """Store candles that are over; returns those that superseded what was there.

    Raises:
        InvariantViolation: An open time is not on the grid of its timeframe, so no read would find it.
    """
    check_on_grid(candles)
    changed = []
    spans: dict[tuple[str, str, str], tuple[int, int]] = {}
    for candle in candles:
        key = (candle.timeframe, candle.open_time, candle.exchange, candle.symbol)
        stored = connection.execute(_ONE, key).fetchone()
        if stored is None or candle.supersedes(_candle(stored)):
            connection.execute(_PUT, _row(candle))
            changed.append(candle)
        series = (candle.timeframe, candle.exchange, candle.symbol)
        first, last = spans.get(series, (candle.open_time, candle.open_time))
        spans[series] = (min(first, candle.open_time), max(last, candle.open_time))
    connection.executemany(_STRETCH, [(*series, *span) for series, span in spans.items()])
    connection.executemany(_END_FORMING, [(*series, last) for series, (_, last) in spans.items()])
    return changed


def write_forming(connection: Connection, views: Iterable[FormingCandle]) -> None:
    """Keep the newest view of each instrument and timeframe."""
    for view in views:
        candle = view.candle
        key = (candle.timeframe, candle.exchange, candle.symbol)
        connection.execute(_PUT_FORMING, (*key, view.as_of, candle.open_time, to_json(view)))


def read(connection: Connection, instrument: Instrument, timeframe: Timeframe, start: int, end: int) -> list[Candle]:
    """Candles with ``start <= open_time < end``, ascending."""
    span = connection.execute(_SPAN, (timeframe, *instrument)).fetchone()
    if span is None:
        return []
    step = timeframe.millis
    first = max(span[0], timeframe.floor(start + step - 1))
    last = min(span[1], timeframe.floor(end - 1))
    return _range(connection, instrument, timeframe, first, last)


def read_latest(connection: Connection, instrument: Instrument, timeframe: Timeframe, limit: int) -> list[Candle]:
    """The newest `limit` candles, ascending. A span with holes is read in pieces that double."""
    span = connection.execute(_SPAN, (timeframe, *instrument)).fetchone()
    found: list[Candle] = []
    if span is None or limit <= 0:
        return found
    first, last = span
    count = limit
    while len(found) < limit and last >= first:
        start = max(first, last - (count - 1) * timeframe.millis)
        found = _range(connection, instrument, timeframe, start, last) + found
        last = start - timeframe.millis
        count *= 2
    return found[-limit:]


def read_forming(connection: Connection, instrument: Instrument, timeframe: Timeframe) -> FormingCandle | None:
    """The forming view, where it is newer than the last stored candle."""
    row = connection.execute(_FORMING, (timeframe, *instrument)).fetchone()
    return None if row is None else from_json(row[0], FormingCandle)


def instruments(connection: Connection, timeframe: Timeframe) -> list[Instrument]:
    """Every instrument with at least one candle, sorted."""
    rows = connection.execute("SELECT exchange, symbol FROM series WHERE timeframe=?", (timeframe,))
    return sorted(Instrument(*row) for row in rows)


def _range(connection: Connection, instrument: Instrument, timeframe: Timeframe, first: int, last: int) -> list[Candle]:
    bounds = {"first": first, "last": last, "step": timeframe.millis, "timeframe": timeframe}
    rows = connection.execute(_RANGE, bounds | instrument._asdict())
    return [_candle(row) for row in rows]


def _text(number: Decimal) -> str:
    text = str(number)
    return format(number, "f") if "E" in text else text


def _row(candle: Candle) -> tuple[Any, ...]:
    return (
        candle.timeframe,
        candle.open_time,
        candle.exchange,
        candle.symbol,
        _text(candle.open),
        _text(candle.high),
        _text(candle.low),
        _text(candle.close),
        _text(candle.quantity),
        _text(candle.turnover),
        candle.trades,
        candle.complete,
        candle.revision,
        candle.source,
        to_json(candle.looks) if candle.looks else b"",
    )


def _candle(row: tuple[Any, ...]) -> Candle:
    timeframe, open_time, exchange, symbol, *numbers, trades, complete, revision, source, looks = row
    opened, high, low, close, quantity, turnover = map(Decimal, numbers)
    return Candle(
        exchange=exchange,
        symbol=symbol,
        timeframe=Timeframe(timeframe),
        open_time=open_time,
        open=opened,
        high=high,
        low=low,
        close=close,
        quantity=quantity,
        turnover=turnover,
        trades=trades,
        complete=bool(complete),
        revision=revision,
        source=CandleSource(source),
        looks=_looks.decode(looks) if looks else (),
    )
