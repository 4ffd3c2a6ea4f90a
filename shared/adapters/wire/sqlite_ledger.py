"""Books and signals in, rows of an SQLite file out, and back.

Bodies are the codec's JSON; columns are what is asked for.
"""

from collections.abc import Iterable
from dataclasses import replace
from sqlite3 import Connection

from shared.domain.book import Book, BookKey
from shared.domain.signal import Signal
from shared.errors import Conflict
from shared.messages.codec import from_json, to_json

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS books (
        strategy TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL,
        version INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (strategy, exchange, symbol))""",
    """CREATE TABLE IF NOT EXISTS signals (
        signal_id TEXT NOT NULL, revision INTEGER NOT NULL, time INTEGER NOT NULL, symbol TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (signal_id, revision))""",
    "CREATE INDEX IF NOT EXISTS signals_by_time ON signals (time, signal_id, revision)",
    "CREATE INDEX IF NOT EXISTS signals_by_symbol ON signals (symbol, time, signal_id, revision)",
)

_BOOK = "SELECT body FROM books WHERE strategy=? AND exchange=? AND symbol=?"
_VERSION = "SELECT version FROM books WHERE strategy=? AND exchange=? AND symbol=?"
_NEWEST = "SELECT body FROM signals ORDER BY time DESC, signal_id DESC, revision DESC LIMIT ?"
_NEWEST_OF_SYMBOL = """SELECT body FROM signals WHERE symbol=?
    ORDER BY time DESC, signal_id DESC, revision DESC LIMIT ?"""


def load_books(connection: Connection, keys: Iterable[BookKey]) -> dict[BookKey, Book]:
    """The stored books among `keys`."""
    rows = ((key, connection.execute(_BOOK, key).fetchone()) for key in keys)
    return {key: from_json(row[0], Book) for key, row in rows if row is not None}


def commit(connection: Connection, books: Iterable[Book]) -> None:
    """Store each book as version + 1 and append its signals. The caller's transaction undoes everything on an error.

    Raises:
        Conflict: A stored version is not the book's.
    """
    for book in books:
        row = connection.execute(_VERSION, book.key).fetchone()
        stored = row[0] if row else 0
        if stored != book.version:
            raise Conflict(f"book {'/'.join(book.key)} is at version {stored}, not {book.version}; load it again")
        body = to_json(replace(book, version=stored + 1))
        connection.execute("INSERT OR REPLACE INTO books VALUES (?, ?, ?, ?, ?)", (*book.key, stored + 1, body))
        for signal in book.unpublished:
            line = (signal.signal_id, signal.revision, signal.time, signal.symbol, to_json(signal))
            connection.execute("INSERT INTO signals VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", line)


def signals(connection: Connection, limit: int, symbol: str | None) -> list[Signal]:
    """The newest `limit` lines, ascending by time, signal id and revision."""
    if symbol is None:
        rows = connection.execute(_NEWEST, (max(0, limit),))
    else:
        rows = connection.execute(_NEWEST_OF_SYMBOL, (symbol, max(0, limit)))
    return [from_json(body, Signal) for (body,) in reversed(rows.fetchall())]


def history(connection: Connection, signal_id: str) -> list[Signal]:
    """All lines of one signal, ascending by revision."""
    rows = connection.execute("SELECT body FROM signals WHERE signal_id=? ORDER BY revision", (signal_id,))
    return [from_json(body, Signal) for (body,) in rows]
