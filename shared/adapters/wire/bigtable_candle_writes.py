"""Candles that are over in, those that changed the candle tables out.

Which ones change the store is decided on one read of the affected cells; nothing is remembered between calls, so any
number of writers may follow each other. Complete candles then go in one bulk write. The cell timestamp is the open time
plus, in ms, the revision: a rewrite hits the same cell, and of two complete versions the later revision is the newest
cell in whatever order they arrive. Incomplete candles, which are rare, go by conditional mutation, at the open time
itself: the server keeps them from the cell of a complete one, however two writers race. What a race can decide is only
which of two complete versions of the same revision stays, and these are made of the same trades.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from google.cloud.bigtable.data import Row, RowMutationEntry
from google.cloud.bigtable.data.mutations import Mutation, SetCell
from google.cloud.bigtable.data.row_filters import (
    ColumnRangeFilter,
    RowFilter,
    RowFilterChain,
    RowFilterUnion,
    ValueRangeFilter,
)

from shared.adapters.wire import bigtable_heads
from shared.adapters.wire.bigtable_candle import Rank, pack, pack_rank, rank, unpack_rank
from shared.adapters.wire.bigtable_candles import key_queries
from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_heads import MICROS, Head
from shared.adapters.wire.bigtable_keys import head_key, qualifier, row_key
from shared.adapters.wire.bigtable_schema import CANDLE, candle_table
from shared.adapters.wire.grid import check_on_grid
from shared.domain.candle import Candle
from shared.domain.timeframe import Timeframe

_AT_ONCE: Final = 1_000  # candles: a closing minute of many symbols is one write, and a long history does not block

_Numbered = Sequence[tuple[int, Candle]]
_Cell = tuple[bytes, bytes]  # row key and column


async def write(client: BigtableClient, candles: Sequence[Candle]) -> list[Candle]:
    """Store candles that are over; returns those that superseded what was there.

    Raises:
        InvariantViolation: An open time is not on the grid of its timeframe, so no read would find it.
    """
    check_on_grid(candles)
    by_timeframe: dict[Timeframe, list[tuple[int, Candle]]] = {}
    for number, candle in enumerate(candles):
        by_timeframe.setdefault(candle.timeframe, []).append((number, candle))
    changed: set[int] = set()
    for timeframe, numbered in by_timeframe.items():
        for first in range(0, len(numbered), _AT_ONCE):
            changed |= await _write(client, timeframe, numbered[first : first + _AT_ONCE])
    return [candle for number, candle in enumerate(candles) if number in changed]


async def _write(client: BigtableClient, timeframe: Timeframe, numbered: _Numbered) -> set[int]:
    """Numbers of the candles that changed the store."""
    ranks, heads = await _read_affected(client, timeframe, [candle for _, candle in numbered])
    best: dict[_Cell, Candle] = {}
    accepted: dict[_Cell, set[int]] = {}
    for number, candle in numbered:
        cell = _cell(candle)
        if cell not in ranks or rank(candle) > ranks[cell]:
            ranks[cell] = rank(candle)
            best[cell] = candle
            accepted.setdefault(cell, set()).add(number)
    sure = {cell: candle for cell, candle in best.items() if candle.complete}
    entries = [*_cell_entries(sure), *_head_entries((candle for _, candle in numbered), heads)]
    await client.mutate(candle_table(timeframe), entries)
    doubtful = [cell for cell in best if cell not in sure]
    outcomes = await client.gather([_write_incomplete(client, cell, best[cell]) for cell in doubtful])
    for cell, was_written in zip(doubtful, outcomes, strict=True):
        if not was_written:
            del accepted[cell]
    return set().union(*accepted.values())


async def _read_affected(
    client: BigtableClient, timeframe: Timeframe, candles: Sequence[Candle]
) -> tuple[dict[_Cell, Rank], dict[bytes, Head]]:
    """The rank of each affected cell that exists, and the affected heads by their row keys."""
    ranks: dict[_Cell, Rank] = {}
    heads: dict[bytes, Head] = {}
    head_keys = {head_key(candle.instrument) for candle in candles}
    cells = [_cell(candle) for candle in candles]
    affected = [column for _, column in cells]

    def take(row: Row) -> None:
        if row.row_key in head_keys:
            heads[row.row_key] = bigtable_heads.parse(row)
            return
        for cell in row.cells:
            place, found = (row.row_key, cell.qualifier), unpack_rank(cell.value)
            ranks[place] = max(found, ranks.get(place, found))

    wanted = RowFilterUnion([bigtable_heads.ALL, ColumnRangeFilter(CANDLE, min(affected), max(affected))])
    keys = sorted(head_keys | {key for key, _ in cells})
    await client.read(candle_table(timeframe), key_queries(keys, wanted), take)
    return ranks, heads


async def _write_incomplete(client: BigtableClient, cell: _Cell, candle: Candle) -> bool:
    """Write it unless a version of the same or a higher rank is there by now; says whether it was written."""
    key, column = cell
    stronger: list[RowFilter] = [
        ColumnRangeFilter(CANDLE, column, column),
        ValueRangeFilter(pack_rank(candle), inclusive_start=True),
    ]
    table = candle_table(candle.timeframe)
    return await client.mutate_unless(table, key, RowFilterChain(stronger), _put(column, candle))


def _cell_entries(candles: dict[_Cell, Candle]) -> list[RowMutationEntry]:
    rows: dict[bytes, list[Mutation]] = {}
    for (key, column), candle in candles.items():
        rows.setdefault(key, []).append(_put(column, candle))
    return [RowMutationEntry(key, mutations) for key, mutations in rows.items()]


def _head_entries(candles: Iterable[Candle], heads: dict[bytes, Head]) -> list[RowMutationEntry]:
    spans: dict[bytes, tuple[int, int]] = {}
    for candle in candles:
        key, time = head_key(candle.instrument), candle.open_time
        first, last = spans.get(key, (time, time))
        spans[key] = (min(first, time), max(last, time))
    changes = {key: bigtable_heads.stretch(heads.get(key, Head()), *span) for key, span in spans.items()}
    return [RowMutationEntry(key, mutations) for key, mutations in changes.items() if mutations]


def _cell(candle: Candle) -> _Cell:
    key = row_key(candle.instrument, candle.timeframe, candle.open_time)
    return key, qualifier(candle.timeframe, candle.open_time)


def _put(column: bytes, candle: Candle) -> Mutation:
    revision = candle.revision if candle.complete else 0
    return SetCell(CANDLE, column, pack(candle), (candle.open_time + revision) * MICROS)
