"""Message ids seen in a chat in, the largest out, after any restart: where the search for a lost send begins."""

import json
import logging

from shared.errors import Conflict, Unavailable
from shared.ports import Document, DocumentStore

logger = logging.getLogger(__name__)

_COLLECTION = "chats"
_FIELD = "newest_message_id"


class NewestIds:
    """The newest message id known in each chat.

    Args:
        documents: Where it is kept, one document a chat.
    """

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._stored: dict[str, Document] = {}
        self._newest: dict[str, int] = {}

    async def known(self, chat: str) -> int | None:
        """The largest id known in the chat; None when none is.

        Raises:
            Unavailable: The store is away, and this process has not asked it yet.
        """
        if chat not in self._stored:
            await self._load(chat)
        return self._newest.get(chat)

    async def saw(self, chat: str, message_id: int) -> None:
        """A message with this id was met. Where the store is away it is kept here and stored with the next one: a
        search that begins too early takes longer and finds the same."""
        self._newest[chat] = max(message_id, self._newest.get(chat, message_id))
        try:
            await self._store(chat)
        except Unavailable as error:
            logger.warning("newest message id not stored", extra={"error": str(error)})

    async def _store(self, chat: str) -> None:
        if chat not in self._stored:
            await self._load(chat)
        while (stored := self._stored[chat]) and self._id_in(stored) < self._newest[chat]:
            data = json.dumps({_FIELD: self._newest[chat]}).encode()
            try:
                self._stored[chat] = await self._documents.save_document(
                    Document(_COLLECTION, chat, data, stored.version)
                )
            except Conflict:
                await self._load(chat)

    async def _load(self, chat: str) -> None:
        stored = await self._documents.load_document(_COLLECTION, chat)
        self._stored[chat] = stored or Document(_COLLECTION, chat, b"{}")
        if stored is not None:
            self._newest[chat] = max(self._id_in(stored), self._newest.get(chat, 0))

    @staticmethod
    def _id_in(document: Document) -> int:
        """The id in a document; 0 in one that was never stored (ids of messages begin at 1)."""
        return int(json.loads(document.data).get(_FIELD, 0))
