"""Work on a file in, whole transactions out: by one thread, in order, with words a person can act on."""

import asyncio
import sqlite3
import threading

import pytest

from shared.adapters.wire.sqlite_thread import Schema, SqliteThread
from shared.errors import ConfigurationError, Unavailable

SCHEMA = Schema("test", 0x7E57, 2, ("CREATE TABLE IF NOT EXISTS t (n INTEGER)",))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "folder" / "t.sqlite"


@pytest.fixture
async def thread(path):
    thread = SqliteThread(path, SCHEMA)
    yield thread
    await thread.close()


def add(*numbers):
    """Work that adds rows, and fails after the last one where a number is no number."""

    def work(connection):
        for number in numbers:
            connection.execute("INSERT INTO t VALUES (?)", (int(number),))
        return len(numbers)

    return work


def rows(connection):
    return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]


async def test_a_new_file_gets_its_folder_its_schema_and_its_mark(thread, path):
    assert await thread.read(rows) == []
    outside = sqlite3.connect(path)
    pragmas = [outside.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    mode = outside.execute("PRAGMA journal_mode").fetchone()[0]
    outside.close()
    assert (pragmas, mode) == ([0x7E57, 2], "wal")


async def test_work_is_done_in_order_in_one_thread_that_is_not_ours(thread):
    def who(connection):
        connection.execute("INSERT INTO t SELECT count(*) FROM t")
        return threading.current_thread()

    workers = set(await asyncio.gather(*(thread.write(who) for _ in range(20))))
    assert len(workers) == 1
    assert workers != {threading.current_thread()}
    assert await thread.read(rows) == list(range(20))


async def test_a_write_returns_its_result_and_stays(thread, path):
    assert await thread.write(add(1, 2)) == 2
    await thread.close()
    again = SqliteThread(path, SCHEMA)
    assert await again.read(rows) == [1, 2]
    await again.close()


async def test_work_that_fails_leaves_nothing_and_the_next_goes_on(thread):
    with pytest.raises(ValueError, match="three"):
        await thread.write(add(1, 2, "three"))
    assert await thread.read(rows) == []
    await thread.write(add(4))
    assert await thread.read(rows) == [4]


async def test_a_read_sees_one_state_of_the_file(thread, path):
    other = SqliteThread(path, SCHEMA)
    begun, written = threading.Event(), threading.Event()

    def twice(connection):
        before = rows(connection)
        begun.set()
        assert written.wait(10)
        return before, rows(connection)

    reading = asyncio.create_task(thread.read(twice))
    await asyncio.to_thread(begun.wait, 10)
    await other.write(add(1))  # does not wait for the reader
    written.set()
    assert await reading == ([], [])
    assert await thread.read(rows) == [1]
    await other.close()


async def test_who_is_cancelled_leaves_when_the_work_is_done(thread):
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection):
        begun.set()
        assert go_on.wait(10)
        add(1)(connection)

    writing = asyncio.create_task(thread.write(slow))
    await asyncio.to_thread(begun.wait, 10)
    writing.cancel()
    assert (await asyncio.wait([writing], timeout=0.02))[0] == set()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await thread.read(rows) == [1]


async def test_close_finishes_what_was_asked_for_and_then_nothing_is_done(thread, path):
    writing = [asyncio.create_task(thread.write(add(number))) for number in range(10)]
    await asyncio.sleep(0)
    await thread.close()
    assert await asyncio.gather(*writing) == [1] * 10
    for work in (thread.read, thread.write):
        with pytest.raises(Unavailable, match=rf"test file {path} has been closed"):
            await work(rows)
    assert [each.name for each in path.parent.iterdir()] == [path.name]  # no journal is left
    await thread.close()


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("attempt to write a readonly database", "make the file and its folder writable"),
        ("database or disk is full", "free disk space"),
        ("database is locked", "end that process"),
        ("unable to open database file", "check that the folder exists"),
        ("disk I/O error", "check the disk"),
    ],
)
async def test_a_fault_of_the_disk_is_unavailable_with_the_file_the_fault_and_its_cure(thread, path, text, cure):
    def fail(_):
        raise sqlite3.OperationalError(text)

    with pytest.raises(Unavailable, match=rf"test file {path} cannot be used now \({text}\): .*{cure}"):
        await thread.read(fail)


async def test_a_mistake_in_the_work_is_no_outage(thread):
    def wrong(connection):
        connection.execute("INSERT INTO t VALUES (?)", (1, 2))

    with pytest.raises(sqlite3.ProgrammingError):
        await thread.write(wrong)


async def test_several_may_open_a_new_file_at_once(path):
    threads = await asyncio.gather(*(asyncio.to_thread(SqliteThread, path, SCHEMA) for _ in range(4)))
    await asyncio.gather(*(each.write(add(number)) for number, each in enumerate(threads)))
    assert await threads[0].read(rows) == [0, 1, 2, 3]
    for each in threads:
        await each.close()


async def test_a_file_of_an_older_build_is_brought_up_to_date_and_keeps_its_rows(path):
    old = SqliteThread(path, Schema(SCHEMA.what, SCHEMA.application_id, 1, SCHEMA.statements))
    await old.write(add(1))
    await old.close()
    more = "CREATE TABLE IF NOT EXISTS later (n INTEGER)"
    new = SqliteThread(path, Schema(SCHEMA.what, SCHEMA.application_id, 2, (*SCHEMA.statements, more)))
    assert await new.read(rows) == [1]
    assert await new.read(lambda connection: connection.execute("SELECT count(*) FROM later").fetchone()) == (0,)
    await new.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("PRAGMA user_version=3", "test schema 3, this build knows 2; install a newer build"),
        ("PRAGMA application_id=1", "is not a test file of this program; choose another path"),
    ],
)
@pytest.mark.usefixtures("thread")
def test_a_file_that_is_not_ours_to_read_is_refused_and_stays_as_it_is(path, change, words):
    foreign = sqlite3.connect(path)
    foreign.execute(change)
    with pytest.raises(ConfigurationError, match=words):
        SqliteThread(path, SCHEMA)
    assert foreign.execute(change.partition("=")[0]).fetchone() == (int(change[-1]),)
    foreign.close()


def test_a_path_where_no_file_can_be_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "t.sqlite"):
        with pytest.raises(ConfigurationError, match=rf"cannot use {path} as test file.*choose another path"):
            SqliteThread(path, SCHEMA)
