"""Outbox entries in, rows of an SQLite file out, and back. What is unfinished stands in an index of its own."""

from dataclasses import replace
from sqlite3 import Connection

from shared.domain.outbox_entry import FINISHED, OutboxEntry
from shared.errors import Conflict
from shared.messages.codec import from_json, to_json

_NAMES = ", ".join(f"'{state}'" for state in FINISHED)
_WAITING = f"state NOT IN ({_NAMES})"

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS outbox (
        chat TEXT NOT NULL, signal_id TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
        head_time INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (chat, signal_id))""",
    f"""CREATE INDEX IF NOT EXISTS outbox_unfinished ON outbox (head_time, chat, signal_id)
        WHERE {_WAITING}""",
)

# The condition is that of the partial index, word for word: only then does SQLite use it.
UNFINISHED = f"""SELECT body FROM outbox WHERE {_WAITING}
    ORDER BY head_time, chat, signal_id"""  # noqa: S608 - made of our own enum, nothing comes from outside


def load(connection: Connection, chat: str, signal_id: str) -> OutboxEntry | None:
    """The entry, or None."""
    row = connection.execute("SELECT body FROM outbox WHERE chat=? AND signal_id=?", (chat, signal_id)).fetchone()
    return None if row is None else from_json(row[0], OutboxEntry)


def save(connection: Connection, entry: OutboxEntry) -> OutboxEntry:
    """Store the entry as version + 1 and return it so.

    Raises:
        Conflict: The stored version is another one.
    """
    key = (entry.chat, entry.signal_id)
    row = connection.execute("SELECT version FROM outbox WHERE chat=? AND signal_id=?", key).fetchone()
    stored = row[0] if row else 0
    if stored != entry.version:
        raise Conflict(f"outbox entry {'/'.join(key)} is at version {stored}, not {entry.version}; load it again")
    saved = replace(entry, version=stored + 1)
    head_time = entry.queue[0].time if entry.queue else 0
    values = (*key, saved.version, saved.state, head_time, to_json(saved))
    connection.execute("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?)", values)
    return saved


def unfinished(connection: Connection) -> list[OutboxEntry]:
    """Every entry that is not finished, ascending by the time of the head of its queue."""
    return [from_json(body, OutboxEntry) for (body,) in connection.execute(UNFINISHED)]
