"""Documents with versions in, one row of Bigtable each out, and back: a write succeeds only over the expected version.

The version is the cell's timestamp in ms, so version and body are one cell.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from google.cloud.bigtable.data import ReadRowsQuery, Row, RowRange
from google.cloud.bigtable.data.mutations import SetCell
from google.cloud.bigtable.data.row_filters import (
    CellsColumnLimitFilter,
    FamilyNameRegexFilter,
    RowFilter,
    RowFilterChain,
    StripValueTransformerFilter,
    TimestampRangeFilter,
)

from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_heads import MICROS
from shared.adapters.wire.bigtable_schema import DOCUMENT

_BODY: Final = b"body"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE: Final = 50
_NEWEST: Final[tuple[RowFilter, ...]] = (FamilyNameRegexFilter(DOCUMENT), CellsColumnLimitFilter(1))
_WHOLE: Final = RowFilterChain(list(_NEWEST))
_WITHOUT_BODY: Final = RowFilterChain([*_NEWEST, StripValueTransformerFilter(flag=True)])


class Stored(NamedTuple):
    """A document as it lies in its row."""

    version: int
    body: bytes


async def read(client: BigtableClient, table: str, keys: Sequence[bytes]) -> dict[bytes, Stored]:
    """Those documents that exist, by key."""
    return await _collect(client, table, _queries(keys, _WHOLE))


async def read_bodies(client: BigtableClient, table: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """The bodies of those documents that exist, by key."""
    return {key: stored.body for key, stored in (await read(client, table, keys)).items()}


async def read_versions(client: BigtableClient, table: str, keys: Sequence[bytes]) -> dict[bytes, int]:
    """The versions of those documents that exist, by key."""
    found = await _collect(client, table, _queries(keys, _WITHOUT_BODY))
    return {key: stored.version for key, stored in found.items()}


async def read_range(client: BigtableClient, table: str, rows: RowRange, limit: int) -> dict[bytes, Stored]:
    """The first `limit` documents of a range of keys, ascending by key."""
    return await _collect(client, table, [ReadRowsQuery(row_ranges=[rows], row_filter=_WHOLE, limit=limit)])


async def put(client: BigtableClient, table: str, key: bytes, body: bytes, *, expected: int, version: int) -> bool:
    """Store the body as `version` if the stored one is `expected` (0: none), in one step; says whether it was."""
    mutation = SetCell(DOCUMENT, _BODY, body, version * MICROS)
    if expected == 0:
        return await client.mutate_unless(table, key, FamilyNameRegexFilter(DOCUMENT), mutation)
    at = TimestampRangeFilter(_time(expected), _time(expected + 1))
    return await client.mutate_if(table, key, RowFilterChain([*_NEWEST, at]), mutation)


async def _collect(client: BigtableClient, table: str, queries: Sequence[ReadRowsQuery]) -> dict[bytes, Stored]:
    found: dict[bytes, Stored] = {}

    def take(row: Row) -> None:
        cell = row.cells[0]
        found[row.row_key] = Stored(cell.timestamp_micros // MICROS, cell.value)

    await client.read(table, queries, take)
    return found


def _time(version: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=version)


def _queries(keys: Sequence[bytes], row_filter: RowFilter) -> list[ReadRowsQuery]:
    return [
        ReadRowsQuery(row_keys=list(keys[first : first + _AT_ONCE]), row_filter=row_filter)
        for first in range(0, len(keys), _AT_ONCE)
    ]
