"""Candles, books, signals, outbox entries and documents in, the same out, from one SQLite file that several processes
may open."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from shared.adapters.wire import sqlite_candles, sqlite_documents, sqlite_ledger, sqlite_outbox
from shared.adapters.wire.sqlite_thread import Schema, SqliteThread
from shared.domain.book import Book, BookKey
from shared.domain.candle import Candle, FormingCandle
from shared.domain.instrument import Instrument
from shared.domain.outbox_entry import OutboxEntry
from shared.domain.signal import Signal
from shared.domain.timeframe import Timeframe
from shared.ports import Clock, Document

_SCHEMA = Schema(
    what="store",
    application_id=0x43535453,  # "CSTS"
    version=1,
    statements=(*sqlite_candles.SCHEMA, *sqlite_ledger.SCHEMA, *sqlite_outbox.SCHEMA, *sqlite_documents.SCHEMA),
)


class Options(BaseModel):
    """Settings of the store: its file, which is created where it is missing."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    path: Path = Path("data/store.db")


class SqliteStore:
    """All stores of the platform; each call is one transaction."""

    def __init__(self, thread: SqliteThread) -> None:
        self._thread = thread

    async def write(self, candles: Sequence[Candle]) -> list[Candle]:
        """Store candles that are over; returns those that changed the store."""
        return await self._thread.write(lambda connection: sqlite_candles.write(connection, candles))

    async def write_forming(self, candles: Sequence[FormingCandle]) -> None:
        """Keep the newest view of each instrument and timeframe."""
        await self._thread.write(lambda connection: sqlite_candles.write_forming(connection, candles))

    async def read(self, instrument: Instrument, timeframe: Timeframe, start: int, end: int) -> list[Candle]:
        """Candles with ``start <= open_time < end``, ascending."""
        work = partial(sqlite_candles.read, instrument=instrument, timeframe=timeframe, start=start, end=end)
        return await self._thread.read(work)

    async def read_latest(
        self, instruments: Sequence[Instrument], timeframe: Timeframe, limit: int
    ) -> dict[Instrument, list[Candle]]:
        """The newest `limit` candles of each instrument, ascending."""
        work = partial(sqlite_candles.read_latest, timeframe=timeframe, limit=limit)
        return await self._thread.read(lambda connection: {each: work(connection, each) for each in instruments})

    async def read_forming(
        self, instruments: Sequence[Instrument], timeframe: Timeframe
    ) -> dict[Instrument, FormingCandle]:
        """The forming view of each instrument that has one newer than its last stored candle."""
        work = partial(sqlite_candles.read_forming, timeframe=timeframe)
        views = await self._thread.read(lambda connection: {each: work(connection, each) for each in instruments})
        return {instrument: view for instrument, view in views.items() if view is not None}

    async def instruments(self, timeframe: Timeframe) -> list[Instrument]:
        """Every instrument with at least one candle, sorted."""
        return await self._thread.read(lambda connection: sqlite_candles.instruments(connection, timeframe))

    async def load_books(self, keys: Sequence[BookKey]) -> dict[BookKey, Book]:
        """The stored books among `keys`."""
        return await self._thread.read(lambda connection: sqlite_ledger.load_books(connection, keys))

    async def commit(self, books: Sequence[Book]) -> None:
        """Store each book as version + 1 and append its signals; all or nothing.

        Raises:
            Conflict: A stored version is not the book's.
        """
        await self._thread.write(lambda connection: sqlite_ledger.commit(connection, books))

    async def signals(self, limit: int, symbol: str | None = None) -> list[Signal]:
        """The newest `limit` lines of the log, ascending by time, signal id and revision."""
        return await self._thread.read(lambda connection: sqlite_ledger.signals(connection, limit, symbol))

    async def history(self, signal_id: str) -> list[Signal]:
        """All lines of one signal, ascending by revision."""
        return await self._thread.read(lambda connection: sqlite_ledger.history(connection, signal_id))

    async def load(self, chat: str, signal_id: str) -> OutboxEntry | None:
        """The entry, or None."""
        return await self._thread.read(lambda connection: sqlite_outbox.load(connection, chat, signal_id))

    async def save(self, entry: OutboxEntry) -> OutboxEntry:
        """Store the entry as version + 1.

        Raises:
            Conflict: The stored version is another one.
        """
        return await self._thread.write(lambda connection: sqlite_outbox.save(connection, entry))

    async def unfinished(self) -> list[OutboxEntry]:
        """Every entry that is not finished, ascending by the time of the head of its queue."""
        return await self._thread.read(sqlite_outbox.unfinished)

    async def load_document(self, collection: str, key: str) -> Document | None:
        """The document, or None."""
        return await self._thread.read(lambda connection: sqlite_documents.load(connection, collection, key))

    async def save_document(self, document: Document) -> Document:
        """Store the document as version + 1.

        Raises:
            Conflict: The stored version is another one.
            InvalidInput: It is too large, or its key is too long.
        """
        return await self._thread.write(lambda connection: sqlite_documents.save(connection, document))

    async def documents(self, collection: str, limit: int, prefix: str = "") -> list[Document]:
        """The first `limit` documents of a collection whose key begins with `prefix`, ascending by key."""
        return await self._thread.read(
            lambda connection: sqlite_documents.listing(connection, collection, limit, prefix)
        )

    async def close(self) -> None:
        """Finish what was asked for and let go of the file."""
        await self._thread.close()


def create(options: Options, clock: Clock) -> SqliteStore:
    """The store in a file.

    Raises:
        ConfigurationError: The path cannot be a store of this build.
        Unavailable: Another process keeps the file locked.
    """
    del clock
    return SqliteStore(SqliteThread(options.path, _SCHEMA))
