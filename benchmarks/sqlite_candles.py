"""Ways to key the candle table in, one line per way out: each figure as a ratio to the naive key of the same run.

    python benchmarks/sqlite_candles.py [--symbols 600] [--minutes 300]

Naive is (exchange, symbol, timeframe, open_time): all candles of a symbol lie together, so closing a minute of many
symbols touches a page per symbol. The others put the minute first and read a symbol by scanning the minutes, by looking
up each minute of the range ("points": what the store does), or by a second index. Every way holds the same rows, writes
them with the same statement and commits each minute. Median of the later half for writes, best of five for reads, rows
as tuples. Higher is better everywhere.
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

COLUMNS = """timeframe TEXT NOT NULL, open_time INTEGER NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL,
    open TEXT NOT NULL, high TEXT NOT NULL, low TEXT NOT NULL, close TEXT NOT NULL, quantity TEXT NOT NULL,
    turnover TEXT NOT NULL, trades INTEGER NOT NULL, complete INTEGER NOT NULL, revision INTEGER NOT NULL,
    source TEXT NOT NULL, looks TEXT NOT NULL"""
PUT = "INSERT OR REPLACE INTO candles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
BY_SYMBOL = "exchange, symbol, timeframe, open_time"
BY_MINUTE = "timeframe, open_time, exchange, symbol"
INDEX = f"CREATE INDEX by_symbol ON candles ({BY_SYMBOL})"
START, MINUTE, LATEST = 1_767_225_600_000, 60_000, 100
LOOKS = '[[15000,"64250.10","64211.50"],[30000,"64250.10","64211.50"],[45000,"64250.10","64211.50"]]'


def create(path: Path, key: str, extra: tuple[str, ...]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"CREATE TABLE candles ({COLUMNS}, PRIMARY KEY ({key})) WITHOUT ROWID")
    for statement in extra:
        connection.execute(statement)
    return connection


def rows(minute: int, symbols: list[str]) -> list[tuple[object, ...]]:
    at = START + minute * MINUTE
    prices = ("64230.10", "64250.10", "64211.50", "64240.00", "12.345", "793040.123450")
    return [("1m", at, "bybit-linear", symbol, *prices, 250, 1, 0, "trades", LOOKS) for symbol in symbols]


def write_minute(connection: sqlite3.Connection, batch: list[tuple[object, ...]]) -> float:
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(PUT, batch)
    connection.execute("COMMIT")
    return time.perf_counter() - began


SEEK = """SELECT * FROM candles {hint} WHERE exchange='bybit-linear' AND symbol=? AND timeframe='1m'
    AND open_time >= ? AND open_time < ? ORDER BY open_time"""
POINTS = """WITH RECURSIVE minutes (at) AS (SELECT ?2 UNION ALL SELECT at + 60000 FROM minutes WHERE at + 60000 < ?3)
    SELECT candles.* FROM minutes CROSS JOIN candles
    ON timeframe='1m' AND open_time=at AND exchange='bybit-linear' AND symbol=?1"""
SCAN = """SELECT * FROM candles WHERE timeframe='1m' AND open_time >= ?2 AND open_time < ?3 AND symbol=?1"""

WAYS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "symbol, minute (naive)": (BY_SYMBOL, (), SEEK.format(hint="")),
    "minute, symbol; scan": (BY_MINUTE, (), SCAN),
    "minute, symbol; points": (BY_MINUTE, (), POINTS),
    "minute, symbol; index": (BY_MINUTE, (INDEX,), SEEK.format(hint="INDEXED BY by_symbol")),
}


def read(connection: sqlite3.Connection, query: str, symbols: list[str], start: int, minutes: int) -> int:
    end = start + minutes * MINUTE
    return sum(len(connection.execute(query, (symbol, start, end)).fetchall()) for symbol in symbols)


def best(call: Callable[[], int], expected: int) -> float:
    took = []
    for _ in range(5):
        began = time.perf_counter()
        assert call() == expected
        took.append(time.perf_counter() - began)
    return min(took)


def measure(path: Path, way: str, symbols: list[str], minutes: int) -> dict[str, float]:
    key, extra, query = WAYS[way]
    connection = create(path, key, extra)
    batches = [write_minute(connection, rows(minute, symbols)) for minute in range(minutes)]
    again = [write_minute(connection, rows(minutes - 1, symbols)) for _ in range(9)]
    nine = symbols[:: max(1, len(symbols) // 9)][:9]
    newest = START + (minutes - LATEST) * MINUTE

    def timed(wanted: list[str], start: int, count: int) -> float:
        return best(lambda: read(connection, query, wanted, start, count), len(wanted) * count)

    figures = {
        "closing batch": statistics.median(batches[minutes // 2 :]),
        "re-upsert": statistics.median(again),
        f"{LATEST} of {len(nine)}": timed(nine, newest, LATEST),
        f"2 of {len(nine)}": timed(nine, START + (minutes - 2) * MINUTE, 2),
        f"all of {len(nine[:1])}": timed(nine[4:5], START, minutes),
    }
    if "scan" not in way:
        figures[f"{LATEST} of {len(symbols)}"] = timed(symbols, newest, LATEST)
        figures[f"2 of {len(symbols)}"] = timed(symbols, START + (minutes - 2) * MINUTE, 2)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return figures | {"bytes a row": path.stat().st_size / (len(symbols) * minutes)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=600)
    parser.add_argument("--minutes", type=int, default=300)
    options = parser.parse_args()
    symbols = [f"S{number:04}USDT" for number in range(options.symbols)]
    with tempfile.TemporaryDirectory() as folder:
        results = {
            way: measure(Path(folder) / f"{place}.db", way, symbols, options.minutes) for place, way in enumerate(WAYS)
        }
    naive = next(iter(results.values()))
    print(f"{'':32}" + "".join(f"{name:>16}" for name in naive))
    scaled = (value * (1 if "bytes" in name else 1000) for name, value in naive.items())
    print(f"{'naive, ms (bytes)':32}" + "".join(f"{value:16.2f}" for value in scaled))
    for way, figures in results.items():
        ratios = (f"{naive[name] / figures[name]:15.2f}x" if name in figures else f"{'-':>16}" for name in naive)
        print(f"{way:32}" + "".join(ratios))


if __name__ == "__main__":
    main()
