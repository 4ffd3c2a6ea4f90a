"""Signals in, rows of the signal log out, and back.

All lines of one signal stand in one row, ``line#id``, a column per revision: a line is there or not, in one step. Two
indexes hold copies for bounded reads: ``time#reverse time`` and ``symbol#symbol#reverse time``, a column per line, so
that the newest rows come first. They are written behind the line, from the line that is stored, and as often as needed.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from google.cloud.bigtable.data import ReadRowsQuery, Row, RowMutationEntry, RowRange
from google.cloud.bigtable.data.mutations import SetCell
from google.cloud.bigtable.data.row_filters import ColumnRangeFilter

from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_heads import MICROS
from shared.adapters.wire.bigtable_keys import joined
from shared.adapters.wire.bigtable_schema import LINE, SIGNALS
from shared.domain.signal import Signal
from shared.messages.codec import from_json, to_json

_LAST_TIME: Final = 10**15 - 1
_BEHIND_DIGITS: Final = b":"  # the byte after "9"


async def append(client: BigtableClient, signals: Iterable[Signal]) -> None:
    """Add the lines that are not there; a line is known by signal id and revision."""
    lines: dict[tuple[str, int], Signal] = {}
    for signal in signals:
        lines.setdefault((signal.signal_id, signal.revision), signal)
    stored = await client.gather([_put(client, signal) for signal in lines.values()])
    await client.mutate(SIGNALS, _index_entries(stored))


async def newest(client: BigtableClient, limit: int, symbol: str | None) -> list[Signal]:
    """The newest `limit` lines, ascending by time, signal id and revision."""
    if limit <= 0:
        return []
    section = _section(symbol)
    rows = RowRange(section, section + _BEHIND_DIGITS)
    found = await _read(client, ReadRowsQuery(row_ranges=[rows], limit=limit))
    return sorted(found, key=lambda line: (line.time, line.signal_id, line.revision))[-limit:]


async def history(client: BigtableClient, signal_id: str) -> list[Signal]:
    """All lines of one signal, ascending by revision."""
    found = await _read(client, ReadRowsQuery(row_keys=[_line_key(signal_id)]))
    return sorted(found, key=lambda line: line.revision)


async def _put(client: BigtableClient, signal: Signal) -> Signal:
    """The stored line: this one, unless it was there."""
    key, column = _line_key(signal.signal_id), b"%08d" % signal.revision
    exists = ColumnRangeFilter(LINE, column, column)
    mutation = SetCell(LINE, column, to_json(signal), signal.time * MICROS)
    if await client.mutate_unless(SIGNALS, key, exists, mutation):
        return signal
    (stored,) = await _read(client, ReadRowsQuery(row_keys=[key], row_filter=exists))
    return stored


async def _read(client: BigtableClient, query: ReadRowsQuery) -> list[Signal]:
    found: list[Signal] = []

    def take(row: Row) -> None:
        found.extend(from_json(cell.value, Signal) for cell in row.cells)

    await client.read(SIGNALS, [query], take)
    return found


def _index_entries(signals: Sequence[Signal]) -> list[RowMutationEntry]:
    entries = []
    for signal in signals:
        column = f"{signal.revision:08}#{signal.signal_id}"
        put = SetCell(LINE, column, to_json(signal), signal.time * MICROS)
        at = b"%015d" % (_LAST_TIME - signal.time)
        entries += [RowMutationEntry(_section(symbol) + at, put) for symbol in (None, signal.symbol)]
    return entries


def _line_key(signal_id: str) -> bytes:
    return joined("line", signal_id)


def _section(symbol: str | None) -> bytes:
    """What the index rows of a symbol begin with; of all symbols for None."""
    return b"time#" if symbol is None else joined("symbol", symbol) + b"#"
