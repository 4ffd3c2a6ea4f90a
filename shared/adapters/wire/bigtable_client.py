"""Reads and mutations of Bigtable rows in, rows and outcomes out, with our errors.

The connection is made at the first call, inside the running event loop. On the emulator, which forgets everything when
it ends, missing tables are made when they are first missed; in the cloud they are the operator's.
"""

import asyncio
import os
import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from operator import methodcaller
from typing import Final, TypeVar

import google.auth
from google.api_core.exceptions import GoogleAPIError, NotFound, PermissionDenied, Unauthenticated
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud.bigtable.data import BigtableDataClientAsync, ReadRowsQuery, Row, RowMutationEntry, TableAsync
from google.cloud.bigtable.data.mutations import Mutation
from google.cloud.bigtable.data.row_filters import RowFilter

from shared.adapters.wire.bigtable_schema import Place, make_tables
from shared.errors import ConfigurationError, TrackerError, Unavailable

_Result = TypeVar("_Result")

_EMULATOR: Final = "BIGTABLE_EMULATOR_HOST"
_AT_ONCE: Final = 16
_ENTRIES: Final = 1_000  # rows in one bulk request: far below the limit of 100,000 mutations


class BigtableClient:
    """One connection. A request ends within `timeout` seconds; until then the library repeats what may be repeated."""

    def __init__(self, place: Place, timeout: float) -> None:
        self._place = place
        self._timeout = timeout
        self._client: BigtableDataClientAsync | None = None
        self._tables: dict[str, TableAsync] = {}
        self._closed = False
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._connecting = asyncio.Lock()
        self._making = asyncio.Lock()

    async def read(self, table: str, queries: Sequence[ReadRowsQuery], take: Callable[[Row], None]) -> None:
        """Hand every row of the queries, which run side by side, to `take`; the event loop runs between rows."""
        await self.gather([self._read(table, query, take) for query in queries])

    async def mutate(self, table: str, entries: Sequence[RowMutationEntry]) -> None:
        """Apply idempotent mutations, whole row by whole row."""
        for first in range(0, len(entries), _ENTRIES):
            batch = list(entries[first : first + _ENTRIES])
            await self._run(table, methodcaller("bulk_mutate_rows", batch))

    async def mutate_unless(self, table: str, key: bytes, condition: RowFilter, mutation: Mutation) -> bool:
        """Apply the mutation, in one step, unless `condition` finds a cell in the row; says whether it was applied.

        It is sent once: where `Unavailable` comes back, it may have been applied.
        """
        found = await self._run(
            table, lambda opened: opened.check_and_mutate_row(key, condition, false_case_mutations=mutation)
        )
        return not found

    async def mutate_if(self, table: str, key: bytes, condition: RowFilter, mutation: Mutation) -> bool:
        """Apply the mutation, in one step, where `condition` finds a cell in the row; see `mutate_unless`."""
        return await self._run(
            table, lambda opened: opened.check_and_mutate_row(key, condition, true_case_mutations=mutation)
        )

    async def gather(self, calls: Sequence[Awaitable[_Result]]) -> list[_Result]:
        """Results of calls that run side by side. All have ended when it raises the first error: none goes on writing
        behind the caller's back."""
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        results = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            results.append(outcome)
        return results

    async def make_tables(self) -> None:
        """Create the tables and families that are missing."""
        try:
            async with self._making, asyncio.timeout(self._timeout):
                await make_tables(self._place)
        except Exception as error:
            self._raise_translated(error)
            raise

    async def close(self) -> None:
        """Let go of the connection; may be repeated."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            for table in self._tables.values():
                await table.close()
            self._tables.clear()
            await client.close()

    async def _read(self, table: str, query: ReadRowsQuery, take: Callable[[Row], None]) -> None:
        async def drain(opened: TableAsync) -> None:
            async for row in await opened.read_rows_stream(query):
                take(row)
                await asyncio.sleep(0)

        await self._run(table, drain)

    async def _run(self, table: str, work: Callable[[TableAsync], Awaitable[_Result]]) -> _Result:
        try:
            try:
                return await self._attempt(table, work)
            except Exception as error:
                if not self._place.emulator_host or not any(isinstance(cause, NotFound) for cause in _causes(error)):
                    raise
            await self.make_tables()
            return await self._attempt(table, work)
        except Exception as error:
            self._raise_translated(error)
            raise

    async def _attempt(self, table: str, work: Callable[[TableAsync], Awaitable[_Result]]) -> _Result:
        async with self._slots:
            return await work(await self._table(table))

    async def _table(self, name: str) -> TableAsync:
        async with self._connecting:
            if self._closed:
                raise Unavailable(f"Bigtable {self._place} has been closed here")
            if self._client is None:
                self._client = await _connect(self._place)
        if name not in self._tables:
            seconds = self._timeout
            self._tables[name] = self._client.get_table(
                self._place.instance,
                self._place.table_prefix + name,
                default_read_rows_operation_timeout=seconds,
                default_read_rows_attempt_timeout=seconds,
                default_mutate_rows_operation_timeout=seconds,
                default_mutate_rows_attempt_timeout=seconds,
                default_operation_timeout=seconds,
                default_attempt_timeout=seconds,
            )
        return self._tables[name]

    def _raise_translated(self, error: Exception) -> None:
        """Raise the platform's error for one of Google's; return for any other."""
        if isinstance(error, TrackerError):
            return
        causes = list(_causes(error))
        text = str(causes[-1]).partition("\n")[0]
        if any(isinstance(cause, NotFound) for cause in causes):
            raise ConfigurationError(f"Bigtable {self._place}: {text}; create the tables: tracker bootstrap") from error
        if any(isinstance(cause, DefaultCredentialsError) for cause in causes):
            raise ConfigurationError(
                f"Bigtable {self._place}: no Google credentials found; run as a service account, or: "
                f"gcloud auth application-default login; for the emulator set {_EMULATOR}"
            ) from error
        if any(isinstance(cause, PermissionDenied | Unauthenticated) for cause in causes):
            raise ConfigurationError(
                f"Bigtable {self._place}: {text}; give the service account the role roles/bigtable.user on its tables"
            ) from error
        if any(isinstance(cause, GoogleAPIError | GoogleAuthError | TimeoutError) for cause in causes):
            raise Unavailable(f"Bigtable {self._place} cannot answer now ({text}); it is asked again") from error


async def _connect(place: Place) -> BigtableDataClientAsync:
    client: BigtableDataClientAsync
    if not place.emulator_host:
        credentials, _ = await asyncio.to_thread(google.auth.default)  # asks a server in the cloud
        client = BigtableDataClientAsync(project=place.project, credentials=credentials)
        return client
    # The library learns of the emulator from its environment variable alone, and warns about it. Nothing else runs
    # between the lines below: they do not await.
    before = os.environ.get(_EMULATOR)
    os.environ[_EMULATOR] = place.emulator_host
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Connecting to Bigtable emulator", RuntimeWarning)
            client = BigtableDataClientAsync(
                project=place.project,
                credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            )
            return client
    finally:
        if before is None:
            del os.environ[_EMULATOR]
        else:
            os.environ[_EMULATOR] = before


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything behind it, the nearest first: groups of several failures included."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)
