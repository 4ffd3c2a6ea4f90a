"""Candles and forming views in, rows of the candle tables out, and back: what is read, and what is written for it.

Reads are bounded by key. The head rows say where each series begins and ends; ranges of many series go in requests of
some rows each, side by side, with a filter on the columns where less than a whole row is wanted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final

from google.cloud.bigtable.data import ReadRowsQuery, Row, RowMutationEntry, RowRange
from google.cloud.bigtable.data.row_filters import ColumnRangeFilter, RowFilter

from shared.adapters.wire import bigtable_heads
from shared.adapters.wire.bigtable_candle import unpack
from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_heads import Head
from shared.adapters.wire.bigtable_keys import (
    HEADS,
    bucket_millis,
    head_key,
    instrument_of_head,
    offsets,
    prefix,
    qualifier,
    row_key,
    split_row_key,
)
from shared.adapters.wire.bigtable_schema import CANDLE, candle_table
from shared.domain.candle import Candle, FormingCandle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe

Span = tuple[int, int]
"""Open times of the first and the last candle, ms UTC, both inclusive."""

AT_ONCE: Final = 50
"""Series in one request."""

_Columns = tuple[bytes, bytes]  # the first and the last one
_ALL: Final = (b"00", b"99")


async def read(client: BigtableClient, instrument: Instrument, timeframe: Timeframe, span: Span) -> list[Candle]:
    """Candles of a span, ascending."""
    if span[0] > span[1]:
        return []
    return (await _collect(client, timeframe, {instrument: span}))[instrument]


async def read_latest(
    client: BigtableClient, instruments: Sequence[Instrument], timeframe: Timeframe, limit: int
) -> dict[Instrument, list[Candle]]:
    """The newest `limit` candles of each instrument, ascending. Series with holes are read in pieces that double."""
    found: dict[Instrument, list[Candle]] = {instrument: [] for instrument in instruments}
    heads = await read_heads(client, instruments, timeframe) if limit > 0 else {}
    ends = {instrument: head.last for instrument, head in heads.items() if head.last >= 0}
    count = limit
    while ends:
        reach = (count - 1) * timeframe.millis
        spans = {each: (max(heads[each].first, end - reach), end) for each, end in ends.items()}
        for instrument, candles in (await _collect(client, timeframe, spans)).items():
            found[instrument] = candles + found[instrument]
        ends = {
            each: start - timeframe.millis
            for each, (start, _) in spans.items()
            if len(found[each]) < limit and start > heads[each].first
        }
        count *= 2
    return {instrument: candles[-limit:] for instrument, candles in found.items()}


async def read_forming(
    client: BigtableClient, instruments: Sequence[Instrument], timeframe: Timeframe
) -> dict[Instrument, FormingCandle]:
    """The forming view of each instrument that has one newer than its last stored candle."""
    heads = await read_heads(client, instruments, timeframe)
    return {
        instrument: head.view
        for instrument, head in heads.items()
        if head.view is not None and head.view.candle.open_time > head.last
    }


async def write_forming(client: BigtableClient, views: Iterable[FormingCandle]) -> None:
    """Keep the newest view of each instrument and timeframe."""
    newest: dict[Timeframe, dict[Instrument, FormingCandle]] = {}
    for view in sorted(views, key=lambda view: (view.as_of, view.candle.open_time)):
        newest.setdefault(view.candle.timeframe, {})[view.candle.instrument] = view
    for timeframe, shown in newest.items():
        entries = [RowMutationEntry(head_key(each), bigtable_heads.show(view)) for each, view in shown.items()]
        await client.mutate(candle_table(timeframe), entries)


async def instruments(client: BigtableClient, timeframe: Timeframe) -> list[Instrument]:
    """Every instrument with at least one candle, sorted."""
    found: list[Instrument] = []
    query = ReadRowsQuery(row_ranges=[RowRange(*HEADS)], row_filter=bigtable_heads.NAMES)
    await client.read(candle_table(timeframe), [query], lambda row: found.append(instrument_of_head(row.row_key)))
    return sorted(found)


async def read_heads(
    client: BigtableClient, instruments: Sequence[Instrument], timeframe: Timeframe
) -> dict[Instrument, Head]:
    """The heads of those series that have one."""
    owners = {head_key(instrument): instrument for instrument in instruments}
    found: dict[Instrument, Head] = {}

    def take(row: Row) -> None:
        found[owners[row.row_key]] = bigtable_heads.parse(row)

    await client.read(candle_table(timeframe), key_queries(list(owners), bigtable_heads.ALL), take)
    return found


def key_queries(keys: Sequence[bytes], row_filter: RowFilter) -> list[ReadRowsQuery]:
    """Requests that read these rows, some in each."""
    return [
        ReadRowsQuery(row_keys=list(keys[first : first + AT_ONCE]), row_filter=row_filter)
        for first in range(0, len(keys), AT_ONCE)
    ]


async def _collect(
    client: BigtableClient, timeframe: Timeframe, spans: Mapping[Instrument, Span]
) -> dict[Instrument, list[Candle]]:
    found: dict[Instrument, list[Candle]] = {instrument: [] for instrument in spans}
    alike: dict[_Columns, list[RowRange]] = {}
    for instrument, span in spans.items():
        for columns, (first, last) in _pieces(timeframe, span):
            newest, oldest = row_key(instrument, timeframe, last), row_key(instrument, timeframe, first)
            rows = RowRange(newest, oldest, start_is_inclusive=True, end_is_inclusive=True)
            alike.setdefault(columns, []).append(rows)
    queries = [
        ReadRowsQuery(row_ranges=ranges[first : first + AT_ONCE], row_filter=ColumnRangeFilter(CANDLE, *columns))
        for columns, ranges in alike.items()
        for first in range(0, len(ranges), AT_ONCE)
    ]
    await client.read(candle_table(timeframe), queries, _taker(timeframe, spans, found))
    for candles in found.values():
        candles.sort(key=attrgetter("open_time"))
    return found


def _taker(
    timeframe: Timeframe, spans: Mapping[Instrument, Span], found: Mapping[Instrument, list[Candle]]
) -> Callable[[Row], None]:
    owners = {prefix(instrument): instrument for instrument in spans}
    places = offsets(timeframe)

    def take(row: Row) -> None:
        series, start = split_row_key(row.row_key, timeframe)
        instrument = owners[series]
        first, last = spans[instrument]
        candles = found[instrument]
        taken = b""
        for cell in row.cells:
            open_time = start + places[cell.qualifier]
            # The newest version of a column comes first; older ones may be there until they are collected.
            if first <= open_time <= last and cell.qualifier != taken:
                candles.append(unpack(cell.value, instrument, timeframe, open_time))
                taken = cell.qualifier

    return take


def _pieces(timeframe: Timeframe, span: Span) -> Iterator[tuple[_Columns, Span]]:
    """A span as columns of rows: of the oldest row only those that are wanted, of the others all."""
    first, last = span
    bucket = bucket_millis(timeframe)
    boundary = first - first % bucket + bucket
    if last < boundary:
        yield (qualifier(timeframe, first), qualifier(timeframe, last)), span
    elif first % bucket == 0:
        yield _ALL, span
    else:
        yield (qualifier(timeframe, first), _ALL[1]), (first, boundary - timeframe.millis)
        yield _ALL, (boundary, last)
