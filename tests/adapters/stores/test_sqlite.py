"""What only the SQLite store does: one file for several processes, off the event loop, refused when it is not ours."""

import asyncio
import sqlite3
import sys
import threading

import pytest

from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores.sqlite import Options, SqliteStore, create
from shared.adapters.wire.sqlite_documents import LISTING
from shared.adapters.wire.sqlite_outbox import UNFINISHED
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError, Unavailable
from shared.ports import Document
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle

BTC = Instrument(EXCHANGE, SYMBOL)
CHILD = """
import asyncio, sys
from decimal import Decimal
from pathlib import Path
from shared.adapters.stores.sqlite import Options, create
from shared.adapters.clock.manual import ManualClock
from shared.domain.candle import Candle
from shared.domain.timeframe import Timeframe

async def main(path, symbol):
    store = create(Options(path=Path(path)), ManualClock())
    one = Decimal(1)
    for minute in range(40):
        await store.write([Candle("e", symbol, Timeframe.M1, minute * 60_000, one, one, one, one, one, one, 1, True)])
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "store.db"


@pytest.fixture
async def store(path):
    store = create(Options(path=path), ManualClock())
    yield store
    await store.close()


async def test_several_processes_open_and_write_a_new_file_at_once(path):
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, path, f"S{n}USDT", stderr=asyncio.subprocess.PIPE
        )
        for n in range(3)
    ]
    for child in children:
        _, complaint = await child.communicate()
        assert (child.returncode, complaint) == (0, b"")
    store = create(Options(path=path), ManualClock())
    for instrument in (instruments := await store.instruments(Timeframe.M1)):
        assert len(await store.read(instrument, Timeframe.M1, 0, 2**53)) == 40
    assert len(instruments) == 3
    await store.close()


async def test_two_open_stores_see_each_others_writes(store, path):
    other = create(Options(path=path), ManualClock())
    await other.write([make_candle()])
    assert await store.read(BTC, Timeframe.M1, START, START + 1) == [make_candle()]
    assert await store.write([make_candle()]) == []
    await other.close()


async def test_the_file_is_never_touched_on_the_event_loop(store):
    threads = set()
    store._thread._connection.set_trace_callback(lambda _: threads.add(threading.current_thread()))
    await store.write([make_candle()])
    await store.read_latest([BTC], Timeframe.M1, 1)
    assert threads
    assert threading.main_thread() not in threads


async def test_a_cancelled_write_is_whole_when_the_caller_leaves(store):
    candles = [make_candle(START + number * MINUTE) for number in range(500)]
    writing = asyncio.create_task(store.write(candles))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await store.read(BTC, Timeframe.M1, 0, 2**53) == candles


@pytest.mark.usefixtures("store")
async def test_unfinished_entries_are_found_by_their_index(path):
    connection = sqlite3.connect(path)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {UNFINISHED}").fetchall()
    connection.close()
    assert [row[3] for row in plan] == ["SCAN outbox USING INDEX outbox_unfinished"]


@pytest.mark.usefixtures("store")
async def test_documents_are_listed_along_their_key(path):
    connection = sqlite3.connect(path)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {LISTING}", ("c", b"a", b"b", 1)).fetchall()
    connection.close()
    (step,) = [row[3] for row in plan]
    assert "(collection=? AND key>? AND key<?)" in step
    assert step.startswith("SEARCH documents USING INDEX")


async def test_a_locked_file_is_unavailable_and_leaves_nothing_half_written(store, path):
    store._thread._connection.execute("PRAGMA busy_timeout=1")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await store.write([make_candle()])
    with pytest.raises(Unavailable, match="locked"):
        await store.save_document(Document("leases", "a", b"{}"))
    assert await store.load_document("leases", "a") is None
    assert await store.read(BTC, Timeframe.M1, 0, 2**53) == []  # readers do not wait for writers
    blocker.execute("ROLLBACK")
    blocker.close()
    assert await store.write([make_candle()]) == [make_candle()]


async def test_a_full_disk_is_unavailable_and_stores_nothing_of_the_call(store):
    await store.write([make_candle()])
    store._thread._connection.execute("PRAGMA max_page_count=30")
    with pytest.raises(Unavailable, match=r"store\.db.*free disk space"):
        await store.write([make_candle(START + number * MINUTE) for number in range(5_000)])
    assert await store.read(BTC, Timeframe.M1, 0, 2**53) == [make_candle()]


async def test_a_closed_store_says_so_and_may_be_closed_again(path):
    store = create(Options(path=path), ManualClock())
    assert isinstance(store, SqliteStore)
    await store.close()
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.write([make_candle()])


async def test_a_file_of_a_newer_build_is_refused(path):
    await create(Options(path=path), ManualClock()).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(ConfigurationError, match="schema 99, this build knows 1"):
        create(Options(path=path), ManualClock())


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 20])
def test_a_file_that_is_no_database_is_refused(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not a database"):
        create(Options(path=path), ManualClock())
    assert path.read_bytes() == content


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="choose another path"):
        create(Options(path=tmp_path), ManualClock())
