"""Work on one SQLite file in, its result out: in a thread of its own, in one transaction, with our errors.

The file is in WAL mode, so that several processes may have it open: readers never wait, writers wait for each other.
With ``synchronous=NORMAL`` a killed process loses nothing and a power cut at most the last transactions, never the file
(https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from shared.errors import ConfigurationError, Unavailable

_Result = TypeVar("_Result")

_BUSY_MILLIS = 5_000
_WAL_TRIES = 20  # switching to WAL does not wait for another process that does the same

_CURES = (
    ("full", "free disk space"),
    ("locked", "another process keeps it locked; end that process"),
    ("readonly", "make the file and its folder writable"),
    ("unable to open", "check that the folder exists and is writable"),
)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a file must hold.

    Attributes:
        what: The file in one word, for people.
        application_id: Tells our kinds of files apart (https://www.sqlite.org/pragma.html#pragma_application_id).
        version: Counts the changes that an older build could not read.
        statements: Create tables and indexes where they are missing.
    """

    what: str
    application_id: int
    version: int
    statements: Sequence[str]


class SqliteThread:
    """One connection and the one thread that uses it. The event loop never waits for the disk."""

    def __init__(self, path: Path, schema: Schema) -> None:
        """Open or create the file.

        Raises:
            ConfigurationError: The path cannot be a file of this schema and version.
            Unavailable: Another process keeps the file locked.
        """
        self._path = path
        self._what = schema.what
        self._connection = _open(path, schema)
        self._executor: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite-{schema.what}")

    async def read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Result of `work`, which sees one state of the file."""
        return await self._run("BEGIN", work)

    async def write(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Result of `work`; all its changes are stored, or none where it raises."""
        return await self._run("BEGIN IMMEDIATE", work)

    async def close(self) -> None:
        """Finish what was asked for and let go of the file."""
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.get_running_loop().run_in_executor(executor, self._connection.close)
            executor.shutdown()

    async def _run(self, begin: str, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        if self._executor is None:
            raise Unavailable(f"the {self._what} file {self._path} has been closed")
        job = asyncio.get_running_loop().run_in_executor(self._executor, partial(self._transact, begin, work))
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            # The thread cannot be interrupted. Whoever is cancelled leaves when the work is done, so that nothing
            # is written behind its back later.
            await asyncio.wait([job])
            if not job.cancelled():
                job.exception()
            raise

    def _transact(self, begin: str, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        try:
            self._connection.execute(begin)
            try:
                result = work(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise _unavailable(self._what, self._path, error) from error
        return result


def _open(path: Path, schema: Schema) -> sqlite3.Connection:
    connection = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_BUSY_MILLIS / 1000, isolation_level=None, check_same_thread=False)
        _prepare(connection, path, schema)
    except (OSError, sqlite3.Error, ConfigurationError) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, ConfigurationError):
            raise
        if isinstance(error, sqlite3.OperationalError) and _is_locked(error):
            raise _unavailable(schema.what, path, error) from error
        raise ConfigurationError(f"cannot use {path} as {schema.what} file: {error}; choose another path") from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MILLIS}")
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("BEGIN IMMEDIATE")
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    is_new = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not is_new and application_id != schema.application_id:
        raise ConfigurationError(f"{path} is not a {schema.what} file of this program; choose another path")
    if version > schema.version:
        raise ConfigurationError(
            f"{path} has {schema.what} schema {version}, this build knows {schema.version}; "
            "install a newer build or choose another path"
        )
    for statement in schema.statements:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={schema.application_id}")
    connection.execute(f"PRAGMA user_version={schema.version}")
    connection.execute("COMMIT")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    for tries_left in reversed(range(_WAL_TRIES)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not tries_left or not _is_locked(error):
                raise
            connection.execute("BEGIN IMMEDIATE")  # this does wait
            connection.execute("ROLLBACK")
        else:
            return


def _is_locked(error: sqlite3.Error) -> bool:
    return "locked" in str(error)


def _unavailable(what: str, path: Path, error: sqlite3.Error) -> Unavailable:
    cure = next((cure for word, cure in _CURES if word in str(error)), "check the disk")
    return Unavailable(f"the {what} file {path} cannot be used now ({error}): {cure}")
