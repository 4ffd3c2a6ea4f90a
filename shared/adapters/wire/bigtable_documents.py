"""Documents with versions in, one row of Bigtable each out, and back: a write succeeds only over the expected version.

The version is the cell's timestamp in ms, so version and body are one cell.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from google.cloud.bigtable.data import ReadRowsQuery, Row
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


async def read_bodies(client: BigtableClient, table: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """The bodies of those documents that exist, by key."""
    found: dict[bytes, bytes] = {}

    def take(row: Row) -> None:
        found[row.row_key] = row.cells[0].value

    await client.read(table, _queries(keys, RowFilterChain(list(_NEWEST))), take)
    return found


async def read_versions(client: BigtableClient, table: str, keys: Sequence[bytes]) -> dict[bytes, int]:
    """The versions of those documents that exist, by key."""
    found: dict[bytes, int] = {}

    def take(row: Row) -> None:
        found[row.row_key] = row.cells[0].timestamp_micros // MICROS

    await client.read(table, _queries(keys, RowFilterChain([*_NEWEST, StripValueTransformerFilter(flag=True)])), take)
    return found


async def put(client: BigtableClient, table: str, key: bytes, body: bytes, *, expected: int, version: int) -> bool:
    """Store the body as `version` if the stored one is `expected` (0: none), in one step; says whether it was."""
    mutation = SetCell(DOCUMENT, _BODY, body, version * MICROS)
    if expected == 0:
        return await client.mutate_unless(table, key, FamilyNameRegexFilter(DOCUMENT), mutation)
    at = TimestampRangeFilter(_time(expected), _time(expected + 1))
    return await client.mutate_if(table, key, RowFilterChain([*_NEWEST, at]), mutation)


def _time(version: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=version)


def _queries(keys: Sequence[bytes], row_filter: RowFilter) -> list[ReadRowsQuery]:
    return [
        ReadRowsQuery(row_keys=list(keys[first : first + _AT_ONCE]), row_filter=row_filter)
        for first in range(0, len(keys), _AT_ONCE)
    ]
