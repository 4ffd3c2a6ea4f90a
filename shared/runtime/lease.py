"""A name several processes want in, at most one of them that holds it at a time out: a document that says until when.

For progress only. Who was stopped (a frozen machine, a long pause) may act for a moment after its lease has passed to
another, so no result may rest on it; what it buys is that those who would be in each other's way take turns.

The document names the holder and the end of its lease, ms UTC by the holder's clock. A holder stops trusting it at that
end, by its own clock, and renews it long before. Clocks that differ cost progress alone: where the one who waits is
ahead by more than a lease, it takes over from a living holder, once; where it is behind, it still takes over as soon as
it has seen the same lease stand still for as long as that lease lasts.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Final

from shared.errors import Conflict, Unavailable
from shared.ports import Clock, Document, DocumentStore
from shared.runtime.persistence import Persistence

logger = logging.getLogger(__name__)

COLLECTION: Final = "leases"

_RENEWALS = 3  # in the time of a lease: two may fail
_POLLS = 40  # in the time of a lease


class LeaseLost(Exception):
    """The lease ended, or is another's by now."""


class Lease:
    """One participant's view of a lease. Each has a name of its own as `holder`.

    Args:
        documents: Where the lease lies.
        name: What is leased: ``aggregator/raw-tick-data-bybit-aggregator``.
        holder: Who asks; unique for ever.
        clock: The machine's: its wall clock is shared with the other participants, as well as clocks are.
        millis: For how long a lease holds that is not renewed.
        is_gone: Says of another holder that it is certainly no more; where that cannot be known, nobody is.

    Attributes:
        other: Who holds it, while `acquire` waits for that one; empty otherwise.
    """

    def __init__(
        self,
        documents: DocumentStore,
        name: str,
        holder: str,
        clock: Clock,
        *,
        millis: int = 10_000,
        is_gone: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._documents = documents
        self._name = name
        self._holder = holder
        self._clock = clock
        self._millis = millis
        self._is_gone = is_gone
        self._persistence = Persistence(clock, first=self._pause, longest=self._pause)
        self._ends = 0  # ms of the monotonic clock, as all times but `until`
        self._seen = (0, 0)  # the version last found to be another's, and when it was first found
        self.other = ""

    @property
    def held(self) -> bool:
        """Whether nobody else can hold it now."""
        return self._now < self._ends

    @property
    def trouble(self) -> str:
        """What is away now, in one line; empty while the store answers."""
        return self._persistence.trouble

    async def acquire(self) -> None:
        """Wait until it is ours: at once where it is free or was given back, else when it ends without a renewal. A
        store that is away is waited for."""
        while not await self._persistence.insist(self._claim):
            await self._clock.sleep(self._pause)
        logger.info("lease acquired", extra={"lease": self._name, "holder": self._holder})

    async def keep(self) -> None:
        """Renew it for as long as that goes well.

        Raises:
            LeaseLost: It ended while the store was away, or another holds it.
        """
        while self.held:
            await self._clock.sleep(self._millis // _RENEWALS)
            if not await self._renewed():
                break
        self._ends = 0
        logger.warning("lease lost", extra={"lease": self._name, "holder": self._holder, "reason": self.trouble})
        raise LeaseLost(f"the lease {self._name} is no longer ours")

    async def release(self) -> None:
        """Give it back, if it is ours, so that whoever waits has it at once. If the store cannot be told, it ends by
        itself."""
        self._ends = 0
        try:
            while not await self._given_back():
                pass
        except Unavailable as error:
            logger.warning("lease not given back; it ends by itself", extra={"lease": self._name, "reason": str(error)})

    @property
    def _now(self) -> int:
        return round(self._clock.monotonic() * 1_000)

    @property
    def _pause(self) -> int:
        return max(1, self._millis // _POLLS)

    async def _renewed(self) -> bool:
        """Whether a renewal succeeded before the lease ended, however long the store took to answer."""
        renewal = asyncio.ensure_future(self._persistence.insist(self._claim))
        end = asyncio.ensure_future(self._clock.sleep(self._ends - self._now))
        try:
            await asyncio.wait([renewal, end], return_when=asyncio.FIRST_COMPLETED)
            return renewal.done() and renewal.result()
        finally:
            for task in (renewal, end):
                task.cancel()
            await asyncio.gather(renewal, end, return_exceptions=True)

    async def _claim(self) -> bool:
        """Whether it is ours from now on, first time or again.

        A write of ours of which no answer came may have been stored; so what counts is what is read.
        """
        while True:
            stored = await self._documents.load_document(COLLECTION, self._name)
            self.other = self._other_holder(stored) if stored is not None else ""
            if self.other:
                return False
            began = self._now
            try:
                await self._write(stored.version if stored else 0, self._holder, self._clock.now() + self._millis)
            except Conflict:
                continue  # somebody was faster, or an earlier write of ours was late: look again
            self._ends = began + self._millis
            return self.held  # not when the answer took longer than the lease lasts

    async def _given_back(self) -> bool:
        """Whether it is not ours any more; false where a late write of our own came between."""
        stored = await self._documents.load_document(COLLECTION, self._name)
        if stored is not None and json.loads(stored.data)["holder"] == self._holder:
            try:
                await self._write(stored.version, "", 0)
            except Conflict:
                return False
        return True

    def _other_holder(self, stored: Document) -> str:
        """The other one whose lease it is; empty where it is ours or over."""
        lease = json.loads(stored.data)
        if lease["holder"] in ("", self._holder) or self._clock.now() >= lease["until"]:
            return ""
        if self._is_gone(lease["holder"]):
            return ""
        if self._seen[0] != stored.version:
            self._seen = (stored.version, self._now)
        stood_still = self._now - self._seen[1]
        return "" if stood_still >= lease["millis"] else str(lease["holder"])

    async def _write(self, version: int, holder: str, until: int) -> None:
        data = json.dumps({"holder": holder, "until": until, "millis": self._millis}).encode()
        await self._documents.save_document(Document(COLLECTION, self._name, data, version))
