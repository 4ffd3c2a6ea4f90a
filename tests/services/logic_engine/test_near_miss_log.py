"""Near misses become documents, each once, however often it is tried."""

import pytest

from services.logic_engine.near_miss_log import COLLECTION, NearMissLog
from shared.adapters.stores.memory import MemoryStore
from shared.domain.book import Book, BookKey
from shared.domain.near_miss import NearMiss, Refusal
from shared.domain.signal import Side
from shared.engine.entry_check import unkept, with_unkept
from shared.errors import Unavailable
from shared.messages.codec import from_json
from tests.makers import EXCHANGE, MINUTE, START
from tests.services.logic_engine.failing import Failing

MISSES = [
    NearMiss(
        "s", EXCHANGE, "BTCUSDT", Side.SHORT, START + n * MINUTE, START + n * MINUTE + MINUTE, 100.0, 99.0, 101.0,
        Refusal.MACRO, "against", {"why": "x"},
    )
    for n in range(2)
]  # fmt: skip
BOOK = Book(BookKey("s", EXCHANGE, "BTCUSDT"), state=with_unkept({"seen": 3}, MISSES))


async def test_each_is_a_document_under_its_own_name_and_leaves_the_book():
    store = MemoryStore()
    for _ in range(2):
        book = await NearMissLog(store).keep(BOOK)
    assert (unkept(book), book.state) == ((), {"seen": 3})
    documents = await store.documents(COLLECTION, 10, "s/BTCUSDT/")
    assert [(document.key, document.version) for document in documents] == [(miss.key, 1) for miss in MISSES]
    assert [from_json(document.data, NearMiss) for document in documents] == MISSES


async def test_while_the_store_is_away_they_wait():
    store = Failing(MemoryStore())
    store.away = {"save_document"}
    with pytest.raises(Unavailable):
        await NearMissLog(store).keep(BOOK)
    assert len(unkept(BOOK)) == 2
