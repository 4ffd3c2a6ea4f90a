"""What only the Bigtable store does: writers that race, an emulator that forgets, tables that must be there."""

import asyncio
import warnings
from dataclasses import replace

import pytest
from google.cloud.bigtable.data import ReadRowsQuery, RowRange

from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores.bigtable import Options, bootstrap, create
from shared.adapters.wire import bigtable_candle_writes, bigtable_ledger, bigtable_outbox, bigtable_signals
from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_schema import TABLES, Place
from shared.domain.book import Book, BookKey
from shared.domain.candle import CandleSource, FormingCandle
from shared.domain.instrument import Instrument
from shared.domain.outbox_entry import OutboxEntry, OutboxState
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError, Conflict, Unavailable
from tests.adapters.contract import bigtable_emulator
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, make_signal

BTC = Instrument(EXCHANGE, SYMBOL)
BOOK = BookKey("rsi_divergence", EXCHANGE, SYMBOL)
ETH_BOOK = BookKey("rsi_divergence", EXCHANGE, "ETHUSDT")
M1 = Timeframe.M1


def open_store(tmp_path, emulator=None, **options):
    emulator = emulator or bigtable_emulator.session()
    settings = {"emulator_host": emulator.address, "instance": tmp_path.name, **options}
    return create(Options(**settings), ManualClock())


@pytest.fixture
async def store(tmp_path):
    store = open_store(tmp_path)
    yield store
    await store.close()


@pytest.fixture
async def other(tmp_path):
    """A second process' view of the same tables."""
    other = open_store(tmp_path)
    yield other
    await other.close()


@pytest.fixture
def between(monkeypatch):
    """Something that happens after a writer has looked at the cells and before it writes."""
    read_affected = bigtable_candle_writes._read_affected

    def interpose(happening):
        async def with_gap(*args):
            seen = await read_affected(*args)
            monkeypatch.setattr(bigtable_candle_writes, "_read_affected", read_affected)
            await happening()
            return seen

        monkeypatch.setattr(bigtable_candle_writes, "_read_affected", with_gap)

    return interpose


VERSIONS = {
    "incomplete": make_candle(close="1", complete=False, trades=9),
    "revised incomplete": make_candle(close="2", complete=False, revision=2, trades=9),
    "complete": make_candle(close="3"),
    "from the exchange": make_candle(close="4", revision=3, trades=0, source=CandleSource.EXCHANGE),
    "late trade": make_candle(close="5", revision=4, trades=2),
}


@pytest.mark.parametrize("slow", VERSIONS)
@pytest.mark.parametrize("quick", VERSIONS)
async def test_of_two_writers_that_race_the_better_candle_stays(store, other, between, slow, quick):
    between(lambda: other.write([VERSIONS[quick]]))
    changed = await store.write([VERSIONS[slow]])
    best = max(VERSIONS[slow], VERSIONS[quick], key=lambda candle: (candle.complete, candle.revision, candle.trades))
    assert await store.read(BTC, M1, START, START + 1) == [best]
    if not VERSIONS[slow].complete:
        assert changed == ([VERSIONS[slow]] if VERSIONS[slow].supersedes(VERSIONS[quick]) else [])
    assert await other.write([VERSIONS[slow]]) == []


async def test_many_writers_at_once_leave_the_best_of_every_minute(store, other):
    ranks = [(complete, revision) for complete in (False, True) for revision in range(4)]
    waves = [
        [make_candle(START + n * MINUTE, str(n + 1), complete=complete, revision=revision) for n in range(20)]
        for complete, revision in ranks
    ]
    await asyncio.gather(*(writer.write(wave) for wave in waves[::-1] for writer in (store, other)))
    assert await store.read(BTC, M1, 0, 2**53) == waves[-1]


async def test_a_candle_whose_head_was_not_written_is_found_after_it_is_written_again(store, other, monkeypatch):
    with monkeypatch.context() as patch:  # the process died between the rows of one bulk write
        patch.setattr(bigtable_candle_writes, "_head_entries", lambda *_: [])
        await store.write([make_candle()])
    assert (await other.read_latest([BTC], M1, 1))[BTC] == []
    assert await other.write([make_candle()]) == []
    assert (await other.read_latest([BTC], M1, 1))[BTC] == [make_candle()]


async def test_a_late_forming_view_of_another_writer_does_not_hide_a_newer_one(store, other):
    views = [FormingCandle(make_candle(START, str(n), complete=False), START + n) for n in (3, 2, 1)]
    for view, writer in zip(views, (store, other, other), strict=True):
        await writer.write_forming([view])
    assert await other.read_forming([BTC], M1) == {BTC: views[0]}


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


async def test_a_line_whose_index_was_not_written_is_found_after_the_next_commit(store, monkeypatch):
    line = make_signal()
    with monkeypatch.context() as patch:  # the process died behind the line
        patch.setattr(bigtable_signals, "_index_entries", lambda _: [])
        await store.commit([Book(BOOK, unpublished=(line,))])
    assert await store.history(line.signal_id) == [line]
    await store.commit([Book(BOOK, 1, unpublished=(replace(line, time=line.time + 1),))])
    assert await store.signals(9) == await store.signals(9, SYMBOL) == [line]


async def test_who_finishes_an_outbox_entry_leaves_the_mark_of_a_later_version(store, other, monkeypatch):
    entry = await store.save(OutboxEntry("@news", "a", queue=(make_signal(),)))
    marks = []

    async def late(client, finished):
        marks.append((client, finished))

    with monkeypatch.context() as patch:
        patch.setattr(bigtable_outbox, "_unmark", late)
        sent = await store.save(replace(entry, state=OutboxState.SENT, queue=()))
        assert await other.unfinished() == []  # a mark too many is harmless
    again = await other.save(replace(sent, state=OutboxState.PENDING, queue=(make_signal(),)))
    for client, finished in marks:
        await bigtable_outbox._unmark(client, finished)
    assert await store.unfinished() == [again]


async def test_bootstrap_makes_every_table_and_may_be_repeated(tmp_path):
    options = Options(emulator_host=bigtable_emulator.session().address, instance=tmp_path.name, table_prefix="test-")
    await bootstrap(options)
    await asyncio.gather(bootstrap(options), bootstrap(options))
    store = create(options, ManualClock())
    await store.write([make_candle()])
    await bootstrap(options)
    assert await store.read(BTC, M1, 0, 2**53) == [make_candle()]
    await store.close()


async def test_in_the_cloud_a_missing_table_is_a_fault_of_the_operator(tmp_path):
    address = bigtable_emulator.session().address
    client = BigtableClient(Place("p", tmp_path.name, address), 5.0)
    client._table("signals")  # connected to the emulator ...
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
        ):
            with pytest.raises(Unavailable, match=emulator.address):
                await call
        emulator.start()
        async with asyncio.timeout(10):
            while not await written(store):
                pass
        assert await store.read(BTC, M1, 0, 2**53) == [make_candle()]
        await store.commit([Book(BOOK)])
    finally:
        await store.close()
        emulator.stop()


async def written(store) -> bool:
    try:
        return await store.write([make_candle()]) == [make_candle()]
    except Unavailable:
        return False


async def test_bootstrap_without_an_answer_is_unavailable():
    address = f"127.0.0.1:{bigtable_emulator.free_port()}"
    with pytest.raises(Unavailable, match=address):
        await bootstrap(Options(emulator_host=address, timeout=0.3))


async def test_a_closed_store_says_so_and_may_be_closed_again(tmp_path):
    store = open_store(tmp_path)
    await store.write([make_candle()])
    await store.close()
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.read(BTC, M1, 0, 1)


async def test_the_standard_variables_name_project_and_emulator(tmp_path, monkeypatch):
    monkeypatch.setenv("BIGTABLE_EMULATOR_HOST", bigtable_emulator.session().address)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "standard")
    store = create(Options(instance=tmp_path.name), ManualClock())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await store.write([make_candle()])
    assert store._client._place.project == "standard"
    await store.close()


def test_without_project_and_emulator_the_cure_is_named(monkeypatch):
    monkeypatch.delenv("BIGTABLE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    with pytest.raises(ConfigurationError, match="GOOGLE_CLOUD_PROJECT"):
        create(Options(), ManualClock())


def test_every_timeframe_has_its_table():
    assert {f"market-data-{timeframe}" for timeframe in Timeframe} < set(TABLES)
