"""The connection: outages, restarts of an emulator that forgets, tables that are missing, the end."""

import asyncio

import pytest
from google.cloud.bigtable.data import ReadRowsQuery, RowRange

from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_schema import Place
from shared.domain.book import Book, BookKey
from shared.domain.instrument import Instrument
from shared.domain.outbox_entry import OutboxEntry
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError, Unavailable
from shared.ports import Document
from tests.adapters.contract import bigtable_emulator
from tests.adapters.wire.bigtable_store import open_store
from tests.makers import EXCHANGE, SYMBOL, make_candle

BTC = Instrument(EXCHANGE, SYMBOL)
M1 = Timeframe.M1
BOOK = BookKey("rsi_divergence", EXCHANGE, SYMBOL)
DOCUMENT = Document("leases", "a", b"{}")


async def test_in_the_cloud_a_missing_table_is_a_fault_of_the_operator(tmp_path):
    address = bigtable_emulator.session().address
    client = BigtableClient(Place("p", tmp_path.name, address), 5.0)
    await client._table("signals")  # connected to the emulator ...
    client._place = Place("p", tmp_path.name)  # ... which is taken for the cloud from here on
    with pytest.raises(ConfigurationError, match="create the tables: tracker bootstrap"):
        await client.read("signals", [ReadRowsQuery(row_ranges=[RowRange(b"a", b"b")])], print)
    await client.close()


async def test_a_stopped_emulator_is_unavailable_and_one_that_is_back_has_its_tables_made_again(tmp_path):
    emulator = bigtable_emulator.start()
    store = open_store(tmp_path, emulator, timeout=1.0)
    try:
        await store.write([make_candle()])
        emulator.stop()
        for call in (
            store.write([make_candle()]),
            store.read(BTC, M1, 0, 1),
            store.commit([Book(BOOK)]),
            store.save(OutboxEntry("@news", "a")),
            store.save_document(DOCUMENT),
            store.load_document(DOCUMENT.collection, DOCUMENT.key),
            store.documents(DOCUMENT.collection, 1),
        ):
            with pytest.raises(Unavailable, match=emulator.address):
                await call
        emulator.start()
        async with asyncio.timeout(10):
            while not await written(store):
                pass
        assert await store.read(BTC, M1, 0, 2**53) == [make_candle()]
        await store.commit([Book(BOOK)])
        assert (await store.save_document(DOCUMENT)).version == 1
    finally:
        await store.close()
        emulator.stop()


async def written(store) -> bool:
    try:
        return await store.write([make_candle()]) == [make_candle()]
    except Unavailable:
        return False


async def test_a_closed_store_says_so_and_may_be_closed_again(tmp_path):
    store = open_store(tmp_path)
    await store.write([make_candle()])
    await store.close()
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.read(BTC, M1, 0, 1)
