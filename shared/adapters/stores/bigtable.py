"""Candles, books, signals, outbox entries and documents in, the same out, from Google Cloud Bigtable or an emulator."""

import os
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from shared.adapters.wire import (
    bigtable_candle_writes,
    bigtable_candles,
    bigtable_document_table,
    bigtable_ledger,
    bigtable_outbox,
    bigtable_signals,
)
from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_schema import Place
from shared.domain.book import Book, BookKey
from shared.domain.candle import Candle, FormingCandle
from shared.domain.instrument import Instrument
from shared.domain.outbox_entry import OutboxEntry
from shared.domain.signal import Signal
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError
from shared.ports import Clock, Document

_EMULATOR: Final = "BIGTABLE_EMULATOR_HOST"
_PROJECT: Final = "GOOGLE_CLOUD_PROJECT"


class Options(BaseModel):
    """Where the tables are.

    Attributes:
        project: Google Cloud project; the variable GOOGLE_CLOUD_PROJECT where empty. Any name on the emulator.
        instance: Bigtable instance. Any name on the emulator.
        emulator_host: ``host:port`` of an emulator; the variable BIGTABLE_EMULATOR_HOST where empty.
        table_prefix: Put before every table's name, for several homes in one instance.
        timeout: Seconds after which a call that is not answered, repetitions included, is `Unavailable`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    project: str = ""
    instance: str = Field(default="crypto-signals", min_length=1)
    emulator_host: str = ""
    table_prefix: str = Field(default="", pattern="^[_.a-zA-Z0-9-]*$")
    timeout: float = Field(default=20.0, gt=0)


class BigtableStore:
    """All stores of the platform."""

    def __init__(self, client: BigtableClient) -> None:
        self._client = client

    async def write(self, candles: Sequence[Candle]) -> list[Candle]:
        """Store candles that are over; returns those that changed the store."""
        return await bigtable_candle_writes.write(self._client, candles)

    async def write_forming(self, candles: Sequence[FormingCandle]) -> None:
        """Keep the newest view of each instrument and timeframe."""
        await bigtable_candles.write_forming(self._client, candles)

    async def read(self, instrument: Instrument, timeframe: Timeframe, start: int, end: int) -> list[Candle]:
        """Candles with ``start <= open_time < end``, ascending."""
        span = (max(0, timeframe.floor(start + timeframe.millis - 1)), timeframe.floor(end - 1))
        return await bigtable_candles.read(self._client, instrument, timeframe, span)

    async def read_latest(
        self, instruments: Sequence[Instrument], timeframe: Timeframe, limit: int
    ) -> dict[Instrument, list[Candle]]:
        """The newest `limit` candles of each instrument, ascending."""
        return await bigtable_candles.read_latest(self._client, instruments, timeframe, limit)

    async def read_forming(
        self, instruments: Sequence[Instrument], timeframe: Timeframe
    ) -> dict[Instrument, FormingCandle]:
        """The forming view of each instrument that has one newer than its last stored candle."""
        return await bigtable_candles.read_forming(self._client, instruments, timeframe)

    async def instruments(self, timeframe: Timeframe) -> list[Instrument]:
        """Every instrument with at least one candle, sorted."""
        return await bigtable_candles.instruments(self._client, timeframe)

    async def load_books(self, keys: Sequence[BookKey]) -> dict[BookKey, Book]:
        """The stored books among `keys`."""
        return await bigtable_ledger.load_books(self._client, keys)

    async def commit(self, books: Sequence[Book]) -> None:
        """Store each book as version + 1 and append its signals: each book wholly or not at all.

        Raises:
            Conflict: A stored version is not the book's. Nothing of the call is stored, unless the other writer came
                while it ran.
        """
        await bigtable_ledger.commit(self._client, books)

    async def signals(self, limit: int, symbol: str | None = None) -> list[Signal]:
        """The newest `limit` lines of the log, ascending by time, signal id and revision."""
        return await bigtable_signals.newest(self._client, limit, symbol)

    async def history(self, signal_id: str) -> list[Signal]:
        """All lines of one signal, ascending by revision."""
        return await bigtable_signals.history(self._client, signal_id)

    async def load(self, chat: str, signal_id: str) -> OutboxEntry | None:
        """The entry, or None."""
        return await bigtable_outbox.load(self._client, chat, signal_id)

    async def save(self, entry: OutboxEntry) -> OutboxEntry:
        """Store the entry as version + 1.

        Raises:
            Conflict: The stored version is another one.
        """
        return await bigtable_outbox.save(self._client, entry)

    async def unfinished(self) -> list[OutboxEntry]:
        """Every entry that is not finished, ascending by the time of the head of its queue."""
        return await bigtable_outbox.unfinished(self._client)

    async def load_document(self, collection: str, key: str) -> Document | None:
        """The document, or None."""
        return await bigtable_document_table.load(self._client, collection, key)

    async def save_document(self, document: Document) -> Document:
        """Store the document as version + 1. It is sent once: where `Unavailable` comes back, it may have been stored.

        Raises:
            Conflict: The stored version is another one.
            InvalidInput: It is too large, or its key is too long.
        """
        return await bigtable_document_table.save(self._client, document)

    async def documents(self, collection: str, limit: int, prefix: str = "") -> list[Document]:
        """The first `limit` documents of a collection whose key begins with `prefix`, ascending by key."""
        return await bigtable_document_table.listing(self._client, collection, limit, prefix)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.close()


def create(options: Options, clock: Clock) -> BigtableStore:
    """The store; it connects at its first call.

    Raises:
        ConfigurationError: No project is named, and it is no emulator.
    """
    del clock
    return BigtableStore(BigtableClient(_place(options), options.timeout))


async def bootstrap(options: Options) -> None:
    """Create every table and column family that is missing; what is there stays. May be repeated.

    Raises:
        ConfigurationError: No project is named, there are no credentials, or they are not allowed to.
        Unavailable: Bigtable does not answer.
    """
    client = BigtableClient(_place(options), options.timeout)
    await client.make_tables()


def _place(options: Options) -> Place:
    emulator = options.emulator_host or os.environ.get(_EMULATOR, "")
    project = options.project or os.environ.get(_PROJECT, "") or ("local" if emulator else "")
    if not project:
        raise ConfigurationError(
            f"the bigtable store needs a Google Cloud project: set {_PROJECT} or TRACKER__BIGTABLE_STORE__PROJECT; "
            f"for the emulator set {_EMULATOR}"
        )
    return Place(project, options.instance, emulator, options.table_prefix)
