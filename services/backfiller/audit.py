"""Our complete candles in, each compared once with the venue's own; mismatches recorded, healed and published out.

A difference counts only when two looks, one round apart, find the very same two candles: right after a minute, and
longer in a storm, the venue's kline may still lack its last trades.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services.backfiller.filler import Filler
from services.backfiller.healing import SETTLE_MILLIS
from services.backfiller.holes import spans
from services.backfiller.sweep import REFUSED_PAUSE
from shared.domain.candle import Candle, CandleSource, OpenMode
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.engine.candle_audit import Finding, Verdict, compare
from shared.errors import Conflict, Refused
from shared.messages.codec import to_json
from shared.ports import CandleStore, Clock, Document, DocumentStore
from shared.runtime import metrics

logger = logging.getLogger(__name__)

COLLECTION = "audit"
"""Of the documents that hold both versions of a candle; their key is ``exchange/symbol/open_time``."""

_MINUTE = Timeframe.M1.millis
_DEPTH = 60 * _MINUTE  # looked back at: candles revised since, and what a predecessor did not come to
_FARTHEST = 1_440 * _MINUTE  # ... after an outage of the venue


@dataclass(slots=True)
class _Place:
    """How far one symbol is, by open time (ms UTC)."""

    looked_to: int
    ask_at: int = 0
    decided: dict[int, tuple[int, Finding]] = field(default_factory=dict)  # with the revision that was looked at
    suspect: dict[int, tuple[Candle, Candle]] = field(default_factory=dict)  # what the first look found
    untold: set[int] = field(default_factory=set)  # healed, perhaps, and not known to be published
    is_met: bool = False


class Audit:
    """Compares candles with the venue's.

    Args:
        exchange: Of the candles.
        symbols: Whose candles.
        open_mode: What our candles open with.
        counts_marked: See `candle_audit.compare`.
        filler: Asks the venue, and publishes what was healed.
        store: Where our candles are.
        documents: Where both versions of a candle that differs are kept.
        clock: Market time.
    """

    def __init__(
        self,
        exchange: str,
        symbols: Sequence[str],
        *,
        open_mode: OpenMode,
        counts_marked: bool,
        filler: Filler,
        store: CandleStore,
        documents: DocumentStore,
        clock: Clock,
    ) -> None:
        self._exchange = exchange
        self._open_mode = open_mode
        self._counts_marked = counts_marked
        self._filler = filler
        self._store = store
        self._documents = documents
        self._clock = clock
        now = clock.now()
        self._places = {symbol: _Place(looked_to=now) for symbol in symbols}
        self.counts: Counter[Verdict] = Counter()
        """Candles by verdict."""

    @property
    def parity(self) -> str:
        """Share of the candles that are equal, in words; rounded down, so that 100.00 % is all of them."""
        audited = self.counts.total()
        if not audited:
            return "none audited yet"
        return f"{self.counts[Verdict.EQUAL] * 10_000 // audited / 100:.2f} % of {audited}"

    async def round(self) -> None:
        """Look at every symbol once.

        Raises:
            Unavailable: The venue, a store or the bus is away; the round can be repeated.
        """
        for symbol, place in self._places.items():
            if place.ask_at > self._clock.now():
                continue
            try:
                await self._look(symbol, place)
            except Refused:  # the filler has told it
                place.ask_at = self._clock.now() + REFUSED_PAUSE

    async def _look(self, symbol: str, place: _Place) -> None:
        end = Timeframe.M1.floor(self._clock.now() - SETTLE_MILLIS)
        start = max(0, end - _FARTHEST, min(end - _DEPTH, place.looked_to))
        stored = await self._store.read(Instrument(self._exchange, symbol), Timeframe.M1, start, end)
        if not place.is_met:  # a predecessor may have died between storing and publishing
            place.is_met = True
            place.untold |= {candle.open_time for candle in stored if _is_healed(candle)}
        place.decided = {key: value for key, value in place.decided.items() if key >= start}
        place.suspect = {key: value for key, value in place.suspect.items() if key >= start}
        fresh = {candle.open_time: candle for candle in stored if _is_ours(candle) and _is_new(candle, place)}
        for first, last in spans(fresh):
            for theirs in await self._filler.listed(symbol, first, last):
                if theirs.open_time in fresh:
                    await self._judge(place, fresh[theirs.open_time], theirs)
        place.looked_to = end
        await self._filler.publish(symbol, place.untold)
        place.untold.clear()

    async def _judge(self, place: _Place, ours: Candle, theirs: Candle) -> None:
        """Compare, and act on a difference that has been seen before."""
        minute = ours.open_time
        _, before = place.decided.get(minute - _MINUTE, (0, None))
        finding = compare(ours, theirs, self._open_mode, counts_marked=self._counts_marked, before=before)
        if finding.verdict is not Verdict.EQUAL:
            if place.suspect.get(minute) != (ours, theirs):
                place.suspect[minute] = ours, theirs
                return
            await self._file(ours, theirs, finding)
            if finding.verdict is Verdict.MISMATCH and not await self._heal(place, ours, theirs):
                return  # ours has been revised meanwhile: another version, another look
        place.suspect.pop(minute, None)
        place.decided[minute] = ours.revision, finding
        self.counts[finding.verdict] += 1
        metrics.CANDLES_AUDITED.labels(finding.verdict.value).inc()
        metrics.PARITY.set(self.counts[Verdict.EQUAL] / self.counts.total())

    async def _heal(self, place: _Place, ours: Candle, theirs: Candle) -> bool:
        """Put the venue's candle in the place of ours; says whether it is there."""
        place.untold.add(ours.open_time)  # before, as a store that gives no answer may have written
        return bool(await self._store.write([replace(theirs, revision=ours.revision + 1)]))

    async def _file(self, ours: Candle, theirs: Candle, finding: Finding) -> None:
        """Record both versions. Filed again, a finding replaces the one before."""
        key = f"{ours.exchange}/{ours.symbol}/{ours.open_time}"
        record = {
            "found_at": self._clock.now(),
            "verdict": finding.verdict,
            "differs": finding.differs,
            "ours": ours,
            "theirs": theirs,
        }
        known = await self._documents.load_document(COLLECTION, key)
        document = Document(COLLECTION, key, to_json(record), known.version if known else 0)
        try:
            await self._documents.save_document(document)
        except Conflict as conflict:  # another backfiller has just found the same
            logger.info("finding already filed", extra={"key": key, "reason": str(conflict)})
        is_surplus = finding.verdict is Verdict.SURPLUS
        logger.log(
            logging.INFO if is_surplus else logging.ERROR,
            "candle holds more than the venue's" if is_surplus else "candle differs from the venue's",
            extra={"symbol": ours.symbol, "open_time": ours.open_time, "differs": ", ".join(finding.differs)},
        )


def _is_ours(candle: Candle) -> bool:
    return candle.complete and candle.source is CandleSource.TRADES


def _is_new(candle: Candle, place: _Place) -> bool:
    revision, _ = place.decided.get(candle.open_time, (-1, None))
    return revision != candle.revision


def _is_healed(candle: Candle) -> bool:
    return candle.complete and candle.source is CandleSource.EXCHANGE and candle.revision > 0
