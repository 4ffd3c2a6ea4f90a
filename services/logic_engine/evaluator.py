"""Symbols that have something new in, evaluated books in the ledger and signals on the bus out.

Order of effects: the new book is stored, with its signals, by one conditional write; then the signals are published;
then the book is stored without them. Whatever dies in between, a signal is decided once and published at least once.
Marks of revised data go the same way; that they are due is stored before. Refused entries go the same way into their
log, and so does what a shadow says into the ledger; only nobody hears of it.

A newer macro bias is taken over behind the candles that were there when it came, in the write that stores them. So what
a candle is judged by was stored before it was looked at, and is the same for whoever looks again.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.logic_engine.candle_reader import CandleReader, Want
from services.logic_engine.gate_keeper import GateKeeper
from services.logic_engine.marker import Marker
from services.logic_engine.near_miss_log import NearMissLog
from shared.domain.book import Book, BookKey
from shared.domain.candle import Candle, FormingCandle
from shared.domain.instrument import Instrument
from shared.domain.shadow import is_shadow, told
from shared.domain.timeframe import Timeframe
from shared.engine.bias_gate import adopt
from shared.engine.candle_versions import note_changes, unmarked
from shared.engine.data_watch import Arrival
from shared.engine.entry_check import unkept
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
        signals: Signals decided since the start, without those of shadows.
        arrivals: How far the data of each instrument has come.
        waiting: Open time (ms UTC) of the minute that a book waits for.
    """

    evaluated: int
    signals: int
    arrivals: dict[Instrument, Arrival]
    waiting: dict[BookKey, int]


class Evaluator:
    """Takes books forward. Not reentrant: one call at a time.

    Args:
        runners: What evaluates each book.
        store: Where candles are read.
        ledger: Where books and signals are kept.
        bus: Where signals go.
        near_misses: Where refused entries are kept.
        timeframe: Of the candles.
        hole_patience: See `candle_sequence`.
        gate_keeper: Who knows the newest macro bias; None where none is looked at.
    """

    def __init__(
        self,
        *,
        runners: Mapping[BookKey, StrategyRunner],
        store: CandleStore,
        ledger: Ledger,
        bus: Bus,
        near_misses: NearMissLog,
        timeframe: Timeframe,
        hole_patience: int,
        gate_keeper: GateKeeper | None = None,
    ) -> None:
        self._runners = runners
        self._store = store
        self._ledger = ledger
        self._bus = bus
        self._timeframe = timeframe
        self._reader = CandleReader(store, timeframe, hole_patience)
        self._near_misses = near_misses
        self._gate_keeper = gate_keeper
        self._marker = Marker(ledger, len({key.strategy for key in runners}))
        self._books: dict[BookKey, Book] = {}
        self.progress = Progress(0, 0, {}, {})

    @property
    def open_positions(self) -> int:
        """Positions open now, without those of shadows."""
        return sum(book.position is not None for book in self._books.values() if not is_shadow(book.key.strategy))

    async def evaluate(self, symbols: Collection[str], revised: Sequence[Candle] = ()) -> None:
        """Evaluate what is new for these symbols, for all strategies.

        Args:
            symbols: Compact pairs; others are left alone.
            revised: Stored candles of theirs that are not first versions: signals built on older ones are marked.

        Raises:
            Unavailable: The store or the bus is away. What was done is kept; call again.
        """
        keys = [key for key in self._runners if key.symbol in symbols]
        while True:
            try:
                await self._load(keys)
                await self._publish(keys)
                await self._mark(keys, revised)
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
        if self._gate_keeper is not None:
            await self._gate_keeper.load()
        unknown = [key for key in keys if key not in self._books]
        if unknown:
            stored = await self._ledger.load_books(unknown)
            self._books.update({key: stored.get(key, Book(key)) for key in unknown})

    async def _mark(self, keys: Sequence[BookKey], revised: Sequence[Candle]) -> None:
        """Promise the marks that are due, then say them: of this round, or of a life before this one."""
        for key in keys:
            book = self._books[key]
            noted = note_changes(book, revised)
            if noted is not book:
                await self._ledger.commit([noted])
                self._keep([noted])
            if unmarked(noted):
                marked = await self._marker.mark(self._books[key])
                await self._ledger.commit([marked])
                self._keep([marked])

    async def _advance(self, keys: Sequence[BookKey]) -> None:
        candles = await self._reader.read(self._wants(keys))
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
        for instrument, found in candles.items():
            self._arrived(instrument, found)

    def _arrived(self, instrument: Instrument, candles: Sequence[Candle]) -> None:
        taken = min(book.evaluated_to for key, book in self._books.items() if key.instrument == instrument)
        complete = [candle for candle in candles if candle.complete]
        evaluated = [candle.close_time for candle in complete if candle.open_time <= taken]
        before = self.progress.arrivals.get(instrument, Arrival(0, 0))
        self.progress.arrivals[instrument] = Arrival(
            max([before.complete, *(candle.close_time for candle in complete[-1:])]),
            max([before.evaluated, *evaluated[-1:]]),
        )

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
        if self._gate_keeper is not None:
            book = adopt(book, self._gate_keeper.state(book.key.instrument))
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
        """Let out what is stored and not known to be out: of this round, or of a life before this one."""
        full = [book for book in map(self._books.__getitem__, keys) if book.unpublished or unkept(book)]
        if not full:
            return
        lines = told(line for book in full for line in book.unpublished)
        if lines:
            await self._bus.publish(
                SIGNALS.topic,
                [
                    encode(SIGNALS, line, message_id=f"{line.signal_id}/{line.revision}", trace=line.signal_id)
                    for line in sorted(lines, key=lambda line: line.time)
                ],
            )
        silent = [replace(await self._near_misses.keep(book), unpublished=()) for book in full]
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
            for miss in unkept(book):
                metrics.ENTRIES_REFUSED.labels(miss.strategy, miss.refusal).inc()
                logger.info("entry refused", extra={"trace": miss.key, "refusal": miss.refusal, "reason": miss.words})
            for line in book.unpublished:
                self.progress.signals += not is_shadow(line.strategy)
                metrics.SIGNALS.labels(line.strategy, line.side, line.kind).inc()
                logger.info("signal", extra={"trace": line.signal_id, "kind": line.kind, "price": line.price})
