"""Books whose near misses wait in, the same books without them out: each near miss is a document by then."""

import logging
from dataclasses import dataclass, replace

from shared.domain.book import Book
from shared.domain.near_miss import NearMiss
from shared.engine.entry_check import unkept, with_unkept
from shared.errors import Conflict
from shared.messages.codec import to_json
from shared.ports import Document, DocumentStore

COLLECTION = "near_misses"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NearMissLog:
    """Keeps the entries that were refused; they are rare, and nothing is deleted."""

    documents: DocumentStore

    async def keep(self, book: Book) -> Book:
        """Store what waits in the book; the book without it is to be stored next.

        Raises:
            Unavailable: The store is away; call again.
        """
        for miss in unkept(book):
            await self._keep(miss)
        return replace(book, state=with_unkept(book.state, ()))

    async def _keep(self, miss: NearMiss) -> None:
        try:
            await self.documents.save_document(Document(COLLECTION, miss.key, to_json(miss)))
        except Conflict:  # A life before this one has stored it: the same candle, so the same words.
            logger.debug("near miss is known", extra={"key": miss.key})
