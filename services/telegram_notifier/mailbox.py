"""Rules of the outbox in, stored entries out: the one place where the notifier reads and writes its durable memory."""

import logging
from collections.abc import Callable
from typing import NamedTuple

from shared.domain.outbox_entry import FINISHED, Line, OutboxEntry, OutboxState
from shared.engine import outbox
from shared.errors import Conflict
from shared.ports import Clock, OutboxStore
from shared.runtime import metrics

logger = logging.getLogger(__name__)


class Key(NamedTuple):
    """Names an entry."""

    chat: str
    signal_id: str


class Mailbox:
    """The outbox, with what is unfinished kept at hand.

    Args:
        store: Where entries live.
        clock: Real time.
        changed: Called with the chat whose entries changed.
        late_ttl: Age in ms beyond which a signal is not told any more.
    """

    def __init__(self, store: OutboxStore, clock: Clock, changed: Callable[[str], None], late_ttl: int) -> None:
        self._store = store
        self._clock = clock
        self._changed = changed
        self._late_ttl = late_ttl
        self._unfinished: dict[Key, OutboxEntry] = {}
        self._since: dict[Key, float] = {}
        self.dead = 0
        self.expired = 0

    async def open(self) -> None:
        """Load what an earlier process left. A request it had begun had no answer."""
        for entry in await self._store.unfinished():
            self._keep(entry)
            if entry.state is OutboxState.SENDING:
                await self.change(Key(entry.chat, entry.signal_id), self._given_up_half_way)

    def _given_up_half_way(self, entry: OutboxEntry) -> OutboxEntry:
        if entry.state is not OutboxState.SENDING:
            return entry
        return outbox.uncertain(entry, self._clock.now(), "the process ended while the request was under way")

    async def put(self, chat: str, line: Line) -> None:
        """Make sure that `line` will be said in `chat`, unless it is too old. Returns when that is stored; repeating it
        changes nothing."""
        key = Key(chat, line.subject)
        while True:
            entry = self._unfinished.get(key) or await self._store.load(*key)
            wanted = outbox.enqueue(entry, line, chat, self._clock.now(), self._late_ttl)
            if wanted is entry:
                return
            if await self._save(key, wanted) is not None:
                if wanted.state is OutboxState.EXPIRED:
                    self._note_expired(key, line)
                return

    def _note_expired(self, key: Key, line: Line) -> None:
        self.expired += 1
        metrics.LINES_EXPIRED.labels(line.kind.value).inc()
        facts = {**key._asdict(), "revision": line.revision, "time": line.time, "ttl_ms": self._late_ttl}
        logger.warning("too old to be told", extra=facts)

    async def change(self, key: Key, rule: Callable[[OutboxEntry], OutboxEntry]) -> OutboxEntry | None:
        """Apply a rule to an entry and store the result; again on what is stored, when somebody else was first.

        Returns:
            The stored result, or None when the rule left the entry as it was or there is none.
        """
        while True:
            entry = self._unfinished.get(key) or await self._store.load(*key)
            if entry is None:
                return None
            wanted = rule(entry)
            if wanted is entry:
                return None
            saved = await self._save(key, wanted)
            if saved is not None:
                return saved

    def waiting(self, chat: str) -> list[OutboxEntry]:
        """Unfinished entries of a chat, in no order."""
        return [entry for key, entry in self._unfinished.items() if key.chat == chat]

    def __len__(self) -> int:
        return len(self._unfinished)

    def oldest_seconds(self) -> float:
        """How long the oldest unfinished entry has waited, as far as this process knows."""
        return self._clock.monotonic() - min(self._since.values()) if self._since else 0.0

    async def _save(self, key: Key, wanted: OutboxEntry) -> OutboxEntry | None:
        try:
            saved = await self._store.save(wanted)
        except Conflict:
            current = await self._store.load(*key)
            if current is not None:
                self._keep(current)
            return None
        if saved.state is OutboxState.DEAD:
            self.dead += 1
            logger.error("message given up", extra={"signal_id": key.signal_id, "error": saved.last_error})
        self._keep(saved)
        return saved

    def _keep(self, entry: OutboxEntry) -> None:
        """Remember the newest version of an entry; what is finished is forgotten."""
        key = Key(entry.chat, entry.signal_id)
        known = self._unfinished.get(key)
        if known is not None and known.version > entry.version:
            return
        if entry.state in FINISHED:
            self._unfinished.pop(key, None)
            self._since.pop(key, None)
        else:
            self._unfinished[key] = entry
            # The wait is counted anew when the head of the queue has been said.
            if known is None or known.delivered_revision != entry.delivered_revision:
                self._since[key] = self._clock.monotonic()
        metrics.OUTBOX_UNFINISHED.set(len(self._unfinished))
        self._changed(entry.chat)
