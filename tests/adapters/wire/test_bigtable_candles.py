"""Reads are bounded: only what is wanted travels, and names never mix."""

from shared.adapters.wire.bigtable_client import BigtableClient
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from tests.makers import EXCHANGE, MINUTE, START, make_candle

M1 = Timeframe.M1


async def test_only_the_rows_and_columns_that_are_wanted_are_read(store, monkeypatch):
    await store.write([make_candle(START + n * MINUTE, symbol=symbol) for n in range(130) for symbol in ("A", "B")])
    cells = []
    read = BigtableClient._read

    async def counting(self, table, query, take):
        def count(row):
            cells.extend(row.cells)
            take(row)

        await read(self, table, query, count)

    monkeypatch.setattr(BigtableClient, "_read", counting)
    instruments = [Instrument(EXCHANGE, symbol) for symbol in ("A", "B")]
    latest = await store.read_latest(instruments, M1, 8)
    assert [len(latest[each]) for each in instruments] == [8, 8]
    assert len(cells) == 2 * (8 + 2)  # the candles, and first and last of each series
    cells.clear()
    await store.read_latest(instruments, M1, 12)  # over the end of an hour
    assert len(cells) == 2 * (12 + 2)
    cells.clear()
    await store.read(instruments[0], M1, START + 3 * MINUTE, START + 9 * MINUTE)
    assert len(cells) == 6


async def test_names_with_the_separator_of_keys_are_apart(store):
    one, other = Instrument("a#b", "c/d"), Instrument("a", "b#c/d")
    candles = [make_candle(START, close, **name._asdict()) for name, close in ((one, "1"), (other, "2"))]
    await store.write(candles)
    assert await store.instruments(M1) == [other, one]
    assert [await store.read(name, M1, 0, 2**53) for name in (one, other)] == [candles[:1], candles[1:]]
