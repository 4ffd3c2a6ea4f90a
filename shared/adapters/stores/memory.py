"""Candles, books, signals, outbox entries and documents in, the same out, from plain dicts: nothing outlives
the process."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from shared.adapters.wire.document_rules import behind, check_size, check_version, key_bytes
from shared.adapters.wire.grid import check_on_grid
from shared.domain.book import Book, BookKey
from shared.domain.candle import Candle, FormingCandle
from shared.domain.instrument import Instrument
from shared.domain.outbox_entry import FINISHED, OutboxEntry
from shared.domain.signal import Signal
from shared.domain.timeframe import Timeframe
from shared.errors import Conflict
from shared.messages.codec import from_json, to_json
from shared.ports import Clock, Document


class Options(BaseModel):
    """This store has nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Series:
    """Candles of one instrument and timeframe, by open time."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self._candles: dict[int, Candle] = {}

    def write(self, candle: Candle) -> bool:
        """Take the candle where it supersedes what is there; says whether it did."""
        stored = self._candles.get(candle.open_time)
        if stored is not None and not candle.supersedes(stored):
            return False
        if stored is None:
            insort(self.times, candle.open_time)
        self._candles[candle.open_time] = candle
        return True

    def read(self, first: int, last: int) -> list[Candle]:
        """Candles at the positions ``first <= position < last``."""
        return [self._candles[time] for time in self.times[first:last]]


class _Collection:
    """Documents of one collection, by the bytes of their key."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._documents: dict[bytes, Document] = {}

    def load(self, key: bytes) -> Document | None:
        """The document, or None."""
        return self._documents.get(key)

    def save(self, key: bytes, document: Document) -> None:
        """Keep the document instead of an earlier one."""
        if key not in self._documents:
            insort(self._keys, key)
        self._documents[key] = document

    def listing(self, prefix: bytes, limit: int) -> list[Document]:
        """The first `limit` documents whose key begins with `prefix`."""
        first, end = bisect_left(self._keys, prefix), bisect_left(self._keys, behind(prefix))
        return [self._documents[key] for key in self._keys[first : min(end, first + max(0, limit))]]


class MemoryStore:
    """All stores of the platform.

    Books hold plain mutable state, so they, like everything with a version, are kept as JSON: what a caller does to its
    object after the call does not reach the store, and what is read has been through the same encoding as elsewhere.
    """

    def __init__(self) -> None:
        self._series: dict[tuple[Instrument, Timeframe], _Series] = {}
        self._forming: dict[tuple[Instrument, Timeframe], FormingCandle] = {}
        self._books: dict[BookKey, tuple[int, bytes]] = {}
        self._signals: dict[tuple[str, int], bytes] = {}
        self._signal_order: list[tuple[int, str, int, str]] = []
        self._outbox: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._unfinished: dict[tuple[str, str], int] = {}
        self._collections: dict[str, _Collection] = {}

    # --- candles ---

    async def write(self, candles: Sequence[Candle]) -> list[Candle]:
        """Store candles that are over; returns those that changed the store."""
        check_on_grid(candles)
        changed = []
        for candle in candles:
            key = (candle.instrument, candle.timeframe)
            if self._series.setdefault(key, _Series()).write(candle):
                changed.append(candle)
            view = self._forming.get(key)
            if view is not None and view.candle.open_time <= candle.open_time:
                del self._forming[key]
        return changed

    async def write_forming(self, candles: Sequence[FormingCandle]) -> None:
        """Keep the newest view of each instrument and timeframe."""
        for view in candles:
            key = (view.candle.instrument, view.candle.timeframe)
            stored = self._forming.get(key)
            if stored is None or (view.as_of, view.candle.open_time) >= (stored.as_of, stored.candle.open_time):
                self._forming[key] = view

    async def read(self, instrument: Instrument, timeframe: Timeframe, start: int, end: int) -> list[Candle]:
        """Candles with ``start <= open_time < end``, ascending."""
        series = self._series.get((instrument, timeframe))
        if series is None:
            return []
        return series.read(bisect_left(series.times, start), bisect_left(series.times, end))

    async def read_latest(
        self, instruments: Sequence[Instrument], timeframe: Timeframe, limit: int
    ) -> dict[Instrument, list[Candle]]:
        """The newest `limit` candles of each instrument, ascending."""
        latest = {}
        for instrument in instruments:
            series = self._series.get((instrument, timeframe), _Series())
            count = len(series.times)
            latest[instrument] = series.read(max(0, count - max(0, limit)), count)
        return latest

    async def read_forming(
        self, instruments: Sequence[Instrument], timeframe: Timeframe
    ) -> dict[Instrument, FormingCandle]:
        """The forming view of each instrument that has one newer than its last stored candle."""
        views = {}
        for instrument in instruments:
            view = self._forming.get((instrument, timeframe))
            series = self._series.get((instrument, timeframe))
            if view is not None and (series is None or view.candle.open_time > series.times[-1]):
                views[instrument] = view
        return views

    async def instruments(self, timeframe: Timeframe) -> list[Instrument]:
        """Every instrument with at least one candle, sorted."""
        return sorted(instrument for instrument, known in self._series if known is timeframe)

    # --- ledger ---

    async def load_books(self, keys: Sequence[BookKey]) -> dict[BookKey, Book]:
        """The stored books among `keys`."""
        return {key: from_json(self._books[key][1], Book) for key in keys if key in self._books}

    async def commit(self, books: Sequence[Book]) -> None:
        """Store each book as version + 1 and append its signals; all or nothing.

        Raises:
            Conflict: A stored version is not the book's.
        """
        staged: dict[BookKey, tuple[int, bytes]] = {}
        for book in books:
            stored, _ = staged.get(book.key) or self._books.get(book.key, (0, b""))
            if stored != book.version:
                raise Conflict(
                    f"book {'/'.join(book.key)} is at version {stored}, not at {book.version}; load it again"
                )
            staged[book.key] = (stored + 1, to_json(replace(book, version=stored + 1)))
        self._books.update(staged)
        for book in books:
            for signal in book.unpublished:
                self._append(signal)

    def _append(self, signal: Signal) -> None:
        line = (signal.signal_id, signal.revision)
        if line not in self._signals:
            self._signals[line] = to_json(signal)
            insort(self._signal_order, (signal.time, *line, signal.symbol))

    async def signals(self, limit: int, symbol: str | None = None) -> list[Signal]:
        """The newest `limit` lines of the log, ascending by time, signal id and revision."""
        lines = [line for line in self._signal_order if symbol in (None, line[3])]
        newest = lines[max(0, len(lines) - max(0, limit)) :]
        return [from_json(self._signals[signal_id, revision], Signal) for _, signal_id, revision, _ in newest]

    async def history(self, signal_id: str) -> list[Signal]:
        """All lines of one signal, ascending by revision."""
        lines = sorted(line for line in self._signals if line[0] == signal_id)
        return [from_json(self._signals[line], Signal) for line in lines]

    # --- outbox ---

    async def load(self, chat: str, signal_id: str) -> OutboxEntry | None:
        """The entry, or None."""
        stored = self._outbox.get((chat, signal_id))
        return None if stored is None else from_json(stored[1], OutboxEntry)

    async def save(self, entry: OutboxEntry) -> OutboxEntry:
        """Store the entry as version + 1.

        Raises:
            Conflict: The stored version is another one.
        """
        key = (entry.chat, entry.signal_id)
        stored, _ = self._outbox.get(key, (0, b""))
        if stored != entry.version:
            raise Conflict(
                f"outbox entry {'/'.join(key)} is at version {stored}, not at {entry.version}; load it again"
            )
        saved = replace(entry, version=stored + 1)
        self._outbox[key] = (saved.version, to_json(saved))
        self._unfinished.pop(key, None)
        if saved.state not in FINISHED:
            self._unfinished[key] = saved.queue[0].time if saved.queue else 0
        return saved

    async def unfinished(self) -> list[OutboxEntry]:
        """Every entry that is not finished, ascending by the time of the head of its queue."""
        order = sorted(self._unfinished, key=lambda key: (self._unfinished[key], key))
        return [from_json(self._outbox[key][1], OutboxEntry) for key in order]

    # --- documents ---

    async def load_document(self, collection: str, key: str) -> Document | None:
        """The document, or None."""
        return self._collections.get(collection, _Collection()).load(key_bytes(collection, key))

    async def save_document(self, document: Document) -> Document:
        """Store the document as version + 1.

        Raises:
            Conflict: The stored version is another one.
            InvalidInput: It is too large, or its key is too long.
        """
        check_size(document)
        key = key_bytes(document.collection, document.key)
        collection = self._collections.setdefault(document.collection, _Collection())
        stored = collection.load(key)
        check_version(document, stored.version if stored else 0)
        saved = replace(document, version=document.version + 1)
        collection.save(key, saved)
        return saved

    async def documents(self, collection: str, limit: int, prefix: str = "") -> list[Document]:
        """The first `limit` documents of a collection whose key begins with `prefix`, ascending by key."""
        return self._collections.get(collection, _Collection()).listing(key_bytes(collection, prefix), limit)

    async def close(self) -> None:
        """Nothing to let go of."""


def create(options: Options, clock: Clock) -> MemoryStore:
    """An empty store inside this process."""
    del options, clock
    return MemoryStore()
