"""The age of every symbol's data in, notices about outages on the bus out, each said once whatever dies.

Order of effects: outages and notices are stored, by one conditional write; then the notices are published; then it is
stored that they were. Ids are made of what they name, so one that is published twice is one.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.domain.candle import CandleSource
from shared.domain.instrument import Instrument
from shared.domain.notice import Notice, NoticeKind
from shared.domain.timeframe import Timeframe
from shared.engine.data_watch import Arrival, DataWatch, Outage
from shared.errors import Conflict
from shared.messages.catalog import NOTICES
from shared.messages.codec import encode, from_json, to_json
from shared.ports import Bus, CandleStore, Document, DocumentStore
from shared.runtime import metrics

COLLECTION = "notices"
_SPAN = 1_000  # candles read at once

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Announced:
    """What is remembered: the outages, and the notices that are not known to be on the bus."""

    outages: tuple[Outage, ...] = ()
    unpublished: tuple[Notice, ...] = ()


class Announcer:
    """Tells the channel that data is stale, and that it is back. Not reentrant: one call at a time."""

    def __init__(
        self, watch: DataWatch, *, documents: DocumentStore, store: CandleStore, bus: Bus, timeframe: Timeframe
    ) -> None:
        self._watch = watch
        self._documents = documents
        self._store = store
        self._bus = bus
        self._timeframe = timeframe
        self._document = Document(COLLECTION, watch.exchange, b"")
        self._loaded = False
        self._announced = Announced()

    async def look(self, now: int, arrivals: Mapping[str, Arrival]) -> None:
        """Say what is new at `now` (market time, ms UTC).

        Raises:
            Unavailable: The store or the bus is away. What was done is kept; call again.
        """
        while True:
            try:
                await self._load()
                await self._publish()
                await self._decide(now, arrivals)
                await self._publish()
            except Conflict as conflict:
                logger.warning("another writer was first, reading again", extra={"reason": str(conflict)})
                self._loaded = False
            else:
                return

    async def _load(self) -> None:
        if self._loaded:
            return
        stored = await self._documents.load_document(COLLECTION, self._watch.exchange)
        if stored is not None:
            self._document, self._announced = stored, from_json(stored.data, Announced)
        self._loaded = True

    async def _decide(self, now: int, arrivals: Mapping[str, Arrival]) -> None:
        outages, notices = self._watch.look(self._announced.outages, now, arrivals)
        if outages == self._announced.outages:
            return
        unpublished = tuple([await self._with_healed(notice) for notice in notices])
        await self._keep(Announced(outages, unpublished))
        for notice in notices:
            metrics.NOTICES.labels(notice.kind).inc()
            logger.warning("notice", extra={"trace": notice.notice_id, "kind": notice.kind, "symbols": notice.symbols})

    async def _publish(self) -> None:
        """Publish what is stored and not known to be on the bus: of this call, or of a life before this one."""
        if not self._announced.unpublished:
            return
        await self._bus.publish(
            NOTICES.topic,
            [
                encode(NOTICES, notice, message_id=f"{notice.notice_id}/{notice.revision}", trace=notice.notice_id)
                for notice in self._announced.unpublished
            ],
        )
        await self._keep(replace(self._announced, unpublished=()))

    async def _keep(self, announced: Announced) -> None:
        self._document = await self._documents.save_document(replace(self._document, data=to_json(announced)))
        self._announced = announced

    async def _with_healed(self, notice: Notice) -> Notice:
        if notice.kind is not NoticeKind.RESUMED:
            return notice
        return replace(notice, healed=await self._healed(notice.symbols, notice.since, notice.time))

    async def _healed(self, symbols: Sequence[str], since: int, now: int) -> int:
        """Candles of these symbols opened in ``since <= open_time < now`` that are the venue's own."""
        healed = 0
        for symbol in symbols:
            for start in range(since, now, _SPAN * self._timeframe.millis):
                end = min(now, start + _SPAN * self._timeframe.millis)
                found = await self._store.read(Instrument(self._watch.exchange, symbol), self._timeframe, start, end)
                healed += sum(candle.source is CandleSource.EXCHANGE for candle in found)
        return healed
