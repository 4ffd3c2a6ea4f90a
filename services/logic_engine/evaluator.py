"""Symbols that have something new in, evaluated books in the ledger and signals on the bus out.

Order of effects: the new book is stored, with its signals, by one conditional write; then the signals are published;
then the book is stored without them. Whatever dies in between, a signal is decided once and published at least once.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.logic_engine.candle_reader import CandleReader, Want
from shared.domain.book import Book, BookKey
from shared.domain.candle import Candle, FormingCandle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.engine.strategy_runner import StrategyRunner
from shared.errors import Conflict
from shared.messages.catalog import SIGNALS
from shared.messages.codec import encode
from shared.ports import Bus, CandleStore, Ledger
from shared.runtime import metrics

_SLICE = 200  # candles per turn of the event loop: 2 to 3 ms

logger = logging.getLogger(__name__)


@dataclass
class Progress:
    """What the health page tells; replaced figures, no history.

    Attributes:
        evaluated: Candles evaluated since the start.
        signals: Signals decided since the start.
        newest: Close time (ms UTC) of each instrument's newest stored candle.
        waiting: Open time (ms UTC) of the minute that a book waits for.
    """

    evaluated: int
    signals: int
    newest: dict[Instrument, int]
    waiting: dict[BookKey, int]


class Evaluator:
    """Takes books forward. Not reentrant: one call at a time."""

    def __init__(
        self,
        *,
        runners: Mapping[BookKey, StrategyRunner],
        store: CandleStore,
        ledger: Ledger,
        bus: Bus,
        timeframe: Timeframe,
        hole_patience: int,
    ) -> None:
        self._runners = runners
        self._store = store
        self._ledger = ledger
        self._bus = bus
        self._timeframe = timeframe
        self._reader = CandleReader(store, timeframe, hole_patience)
        self._books: dict[BookKey, Book] = {}
        self.progress = Progress(0, 0, {}, {})

    @property
    def open_positions(self) -> int:
        """Positions open now."""
        return sum(book.position is not None for book in self._books.values())

    async def evaluate(self, symbols: Collection[str]) -> None:
        """Evaluate what is new for these symbols, for all strategies.

        Raises:
            Unavailable: The store or the bus is away. What was done is kept; call again.
        """
        keys = [key for key in self._runners if key.symbol in symbols]
        while True:
            try:
                await self._load(keys)
                await self._publish(keys)
                await self._advance(keys)
                await self._publish(keys)
            except Conflict as conflict:
                logger.warning("another writer was first, reading again", extra={"reason": str(conflict)})
                for key in keys:
                    self._books.pop(key, None)
            else:
                return

    async def _load(self, keys: Sequence[BookKey]) -> None:
        unknown = [key for key in keys if key not in self._books]
        if unknown:
            stored = await self._ledger.load_books(unknown)
            self._books.update({key: stored.get(key, Book(key)) for key in unknown})

    async def _advance(self, keys: Sequence[BookKey]) -> None:
        candles = await self._reader.read(self._wants(keys))
        self.progress.newest.update({i: found[-1].close_time for i, found in candles.items() if found})
        open_ = {key.instrument for key in keys if self._books[key].position is not None}
        forming = await self._store.read_forming(sorted(open_), self._timeframe) if open_ else {}
        changed: dict[BookKey, Book] = {}
        evaluated: dict[BookKey, int] = {}
        for key in keys:
            stored = self._books[key]
            book, evaluated[key] = await self._advance_book(stored, candles[key.instrument], forming)
            if book is not stored:
                changed[key] = book
        if changed:
            await self._ledger.commit(list(changed.values()))
            self._count(changed.values(), evaluated)
            self._keep(changed.values())

    async def _advance_book(
        self, book: Book, candles: Sequence[Candle], forming: Mapping[Instrument, FormingCandle]
    ) -> tuple[Book, int]:
        """The book at the end of `candles`, and the number of candles evaluated on the way."""
        evaluated = 0
        runner = self._runners[book.key]
        while True:
            step = runner.advance(book, candles, forming.get(book.key.instrument), _SLICE)
            book = step.book
            evaluated += step.evaluated
            await asyncio.sleep(0)  # long histories must not hold the event loop
            if not step.more:
                break
        self.progress.waiting.pop(book.key, None)
        if step.waiting_for is not None:
            self.progress.waiting[book.key] = step.waiting_for
        return book, evaluated

    def _wants(self, keys: Iterable[BookKey]) -> dict[Instrument, Want]:
        wants: dict[Instrument, Want] = {}
        for key in keys:
            book, runner = self._books[key], self._runners[key]
            history = runner.warm_up if runner.is_cold(book) else 0
            other = wants.get(key.instrument, Want(0, 0))
            known = [time for time in (other.after, book.evaluated_to) if time]
            wants[key.instrument] = Want(min(known, default=0), max(other.history, history))
        return wants

    async def _publish(self, keys: Iterable[BookKey]) -> None:
        """Publish what is stored and not known to be on the bus: of this round, or of a life before this one."""
        told = [self._books[key] for key in keys if self._books[key].unpublished]
        if not told:
            return
        signals = sorted((line for book in told for line in book.unpublished), key=lambda line: line.time)
        await self._bus.publish(
            SIGNALS.topic,
            [
                encode(SIGNALS, line, message_id=f"{line.signal_id}/{line.revision}", trace=line.signal_id)
                for line in signals
            ],
        )
        silent = [replace(book, unpublished=()) for book in told]
        await self._ledger.commit(silent)
        self._keep(silent)

    def _keep(self, committed: Iterable[Book]) -> None:
        self._books.update({book.key: replace(book, version=book.version + 1) for book in committed})
        for strategy in {key.strategy for key in self._runners}:
            held = [book for key, book in self._books.items() if key.strategy == strategy and book.position]
            metrics.POSITIONS_OPEN.labels(strategy).set(len(held))

    def _count(self, committed: Iterable[Book], evaluated: Mapping[BookKey, int]) -> None:
        for book in committed:
            metrics.CANDLES_EVALUATED.labels(book.key.strategy).inc(evaluated[book.key])
            self.progress.evaluated += evaluated[book.key]
            for line in book.unpublished:
                self.progress.signals += 1
                metrics.SIGNALS.labels(line.strategy, line.side, line.kind).inc()
                logger.info("signal", extra={"trace": line.signal_id, "kind": line.kind, "price": line.price})
