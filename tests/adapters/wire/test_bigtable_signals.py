"""A line is written once; its index follows it, whatever dies in between."""

from dataclasses import replace

from shared.adapters.wire import bigtable_signals
from shared.domain.book import Book, BookKey
from tests.makers import EXCHANGE, SYMBOL, make_signal

BOOK = BookKey("rsi_divergence", EXCHANGE, SYMBOL)


async def test_a_line_whose_index_was_not_written_is_found_after_the_next_commit(store, monkeypatch):
    line = make_signal()
    with monkeypatch.context() as patch:  # the process died behind the line
        patch.setattr(bigtable_signals, "_index_entries", lambda _: [])
        await store.commit([Book(BOOK, unpublished=(line,))])
    assert await store.history(line.signal_id) == [line]
    await store.commit([Book(BOOK, 1, unpublished=(replace(line, time=line.time + 1),))])
    assert await store.signals(9) == await store.signals(9, SYMBOL) == [line]
