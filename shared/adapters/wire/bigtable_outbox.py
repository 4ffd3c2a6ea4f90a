"""Outbox entries in, rows of Bigtable out, and back. What is unfinished has a marker in a section of its own.

A marker is written before its entry and taken away after it, and carries the entry's version as its timestamp, so that
who finishes an entry never takes away the marker of a later version. A marker too many is harmless.
"""

from dataclasses import replace
from typing import Final

from google.cloud.bigtable.data import ReadRowsQuery, RowMutationEntry, RowRange
from google.cloud.bigtable.data.mutations import DeleteRangeFromColumn, SetCell
from google.cloud.bigtable.data.row_filters import FamilyNameRegexFilter

from shared.adapters.wire import bigtable_documents
from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_heads import MICROS
from shared.adapters.wire.bigtable_keys import joined
from shared.adapters.wire.bigtable_schema import OPEN, OUTBOX
from shared.domain.outbox_entry import FINISHED, OutboxEntry
from shared.errors import Conflict
from shared.messages.codec import from_json, to_json

_ENTRY: Final = b"entry#"
_MARK: Final = b"open#"
_MARKS: Final = RowRange(b"open#", b"open$")
_COLUMN: Final = b"version"


async def load(client: BigtableClient, chat: str, signal_id: str) -> OutboxEntry | None:
    """The entry, or None."""
    bodies = await bigtable_documents.read_bodies(client, OUTBOX, [_ENTRY + joined(chat, signal_id)])
    return next((from_json(body, OutboxEntry) for body in bodies.values()), None)


async def save(client: BigtableClient, entry: OutboxEntry) -> OutboxEntry:
    """Store the entry as version + 1 and return it so.

    Raises:
        Conflict: The stored version is another one.
    """
    name = joined(entry.chat, entry.signal_id)
    key = _ENTRY + name
    saved = replace(entry, version=entry.version + 1)
    is_finished = saved.state in FINISHED
    if not is_finished:
        mark = SetCell(OPEN, _COLUMN, b"", saved.version * MICROS)
        await client.mutate(OUTBOX, [RowMutationEntry(_MARK + name, mark)])
    body = to_json(saved)
    if not await bigtable_documents.put(client, OUTBOX, key, body, expected=entry.version, version=saved.version):
        stored = (await bigtable_documents.read_versions(client, OUTBOX, [key])).get(key, 0)
        names = f"{entry.chat}/{entry.signal_id}"
        raise Conflict(f"outbox entry {names} is at version {stored}, not {entry.version}; load it again")
    if is_finished:
        await _unmark(client, [saved])
    return saved


async def unfinished(client: BigtableClient) -> list[OutboxEntry]:
    """Every entry that is not finished, ascending by the time of the head of its queue."""
    names: list[bytes] = []
    query = ReadRowsQuery(row_ranges=[_MARKS], row_filter=FamilyNameRegexFilter(OPEN))
    await client.read(OUTBOX, [query], lambda row: names.append(row.row_key.removeprefix(_MARK)))
    bodies = await bigtable_documents.read_bodies(client, OUTBOX, [_ENTRY + name for name in names])
    marked = [from_json(body, OutboxEntry) for body in bodies.values()]
    await _unmark(client, [entry for entry in marked if entry.state in FINISHED])
    waiting = [entry for entry in marked if entry.state not in FINISHED]
    return sorted(waiting, key=lambda entry: (_head_time(entry), entry.chat, entry.signal_id))


async def _unmark(client: BigtableClient, finished: list[OutboxEntry]) -> None:
    entries = [
        RowMutationEntry(
            _MARK + joined(entry.chat, entry.signal_id),
            DeleteRangeFromColumn(OPEN, _COLUMN, None, (entry.version + 1) * MICROS),
        )
        for entry in finished
    ]
    await client.mutate(OUTBOX, entries)


def _head_time(entry: OutboxEntry) -> int:
    return entry.queue[0].time if entry.queue else 0
