"""A commit is one row per book: what another writer between its steps leaves."""

import pytest

from shared.adapters.wire import bigtable_ledger
from shared.domain.book import Book, BookKey
from shared.errors import Conflict
from tests.makers import EXCHANGE, SYMBOL, make_signal

BOOK = BookKey("rsi_divergence", EXCHANGE, SYMBOL)
ETH_BOOK = BookKey("rsi_divergence", EXCHANGE, "ETHUSDT")


async def test_a_ledger_writer_that_loses_a_race_stores_no_book_and_no_line_twice(store, other, monkeypatch):
    append = bigtable_ledger.append

    async def with_gap(*args):
        await append(*args)
        monkeypatch.setattr(bigtable_ledger, "append", append)
        await other.commit([Book(BOOK, evaluated_to=7, unpublished=(make_signal(),))])

    monkeypatch.setattr(bigtable_ledger, "append", with_gap)
    with pytest.raises(Conflict, match="version 1"):
        await store.commit([Book(BOOK, evaluated_to=5, unpublished=(make_signal(),)), Book(ETH_BOOK, evaluated_to=5)])
    books = await store.load_books([BOOK, ETH_BOOK])
    assert (books[BOOK].version, books[BOOK].evaluated_to) == (1, 7)
    assert books[ETH_BOOK].version == 1  # each book by itself: the other one of the call is stored
    assert await store.signals(9) == [make_signal()]
