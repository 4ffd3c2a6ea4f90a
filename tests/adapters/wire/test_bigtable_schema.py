"""Tables are made where they are missing, and never twice."""

from shared.adapters.wire.bigtable_schema import TABLES, Place, make_tables
from shared.domain.timeframe import Timeframe
from tests.adapters.contract import bigtable_emulator
from tests.adapters.wire.bigtable_store import open_store
from tests.makers import START, make_candle


def test_every_timeframe_has_its_table():
    assert {f"market-data-{timeframe}" for timeframe in Timeframe} < set(TABLES)


async def test_a_family_that_an_older_build_did_not_know_is_added(tmp_path, monkeypatch):
    place = Place("local", tmp_path.name, bigtable_emulator.session().address)
    with monkeypatch.context() as patch:
        patch.setitem(TABLES, "market-data-1m", ("c",))
        await make_tables(place)
    await make_tables(place)
    store = open_store(tmp_path)
    assert await store.write([make_candle()]) == [make_candle()]  # its head needs the families that were added
    assert await store.instruments(Timeframe.M1) == [make_candle(START).instrument]
    await store.close()
