"""Marks of unfinished entries: one too many is harmless, none is ever missing."""

from dataclasses import replace

from shared.adapters.wire import bigtable_outbox
from shared.domain.outbox_entry import OutboxEntry, OutboxState, line_of
from tests.makers import make_signal


async def test_who_finishes_an_outbox_entry_leaves_the_mark_of_a_later_version(store, other, monkeypatch):
    entry = await store.save(OutboxEntry("@news", "a", queue=(line_of(make_signal()),)))
    marks = []

    async def late(client, finished):
        marks.append((client, finished))

    with monkeypatch.context() as patch:
        patch.setattr(bigtable_outbox, "_unmark", late)
        sent = await store.save(replace(entry, state=OutboxState.SENT, queue=()))
        assert await other.unfinished() == []  # a mark too many is harmless
    again = await other.save(replace(sent, state=OutboxState.PENDING, queue=(line_of(make_signal()),)))
    for client, finished in marks:
        await bigtable_outbox._unmark(client, finished)
    assert await store.unfinished() == [again]
