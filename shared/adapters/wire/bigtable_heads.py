"""Candles and forming views in, what the head row of their series must hold out, and back.

The head has the open times of the first and the last candle, which bound every read, and the newest forming view. Each
is a cell of which the newest timestamp is right, so bulk writes may arrive in any order and more than once.
"""

from dataclasses import dataclass
from typing import Final

from google.cloud.bigtable.data import Row
from google.cloud.bigtable.data.mutations import DeleteRangeFromColumn, Mutation, SetCell
from google.cloud.bigtable.data.row_filters import (
    CellsColumnLimitFilter,
    ColumnRangeFilter,
    FamilyNameRegexFilter,
    RowFilterChain,
    StripValueTransformerFilter,
)

from shared.adapters.wire.bigtable_schema import FORMING, SPAN
from shared.domain.candle import FormingCandle
from shared.messages.codec import from_json, to_json

MICROS: Final = 1_000
"""Cell timestamps are whole ms, written in microseconds."""

_FIRST: Final = b"first"
_LAST: Final = b"last"
_VIEW: Final = b"view"
_CEILING: Final = 2**43
"""ms UTC, the year 2248. The earliest open time must be the newest timestamp, so that one counts down from here."""

ALL = RowFilterChain([FamilyNameRegexFilter(f"{FORMING}|{SPAN}"), CellsColumnLimitFilter(1)])
"""What is read of a head row."""

NAMES = RowFilterChain(
    [ColumnRangeFilter(SPAN, _LAST, _LAST), CellsColumnLimitFilter(1), StripValueTransformerFilter(flag=True)]
)
"""What is read where only the keys of series with a candle are wanted."""


@dataclass(frozen=True, slots=True)
class Head:
    """A series as a whole: open times (ms UTC) of its first and last candle, -1 where it has none; its forming view."""

    first: int = -1
    last: int = -1
    view: FormingCandle | None = None


def parse(row: Row) -> Head:
    """The head in a row."""
    cells = {cell.qualifier: cell.value for cell in row.cells if cell.family in (FORMING, SPAN)}
    view = cells.get(_VIEW)
    return Head(
        int(cells.get(_FIRST, -1)), int(cells.get(_LAST, -1)), None if view is None else from_json(view, FormingCandle)
    )


def stretch(head: Head, first: int, last: int) -> list[Mutation]:
    """What candles opened from `first` to `last` (ms UTC) change: the span, and a view that is not newer ends."""
    changes: list[Mutation] = []
    if head.first < 0 or first < head.first:
        changes += _newest(SPAN, _FIRST, str(first).encode(), _CEILING - first)
    if last > head.last:
        changes += _newest(SPAN, _LAST, str(last).encode(), last)
    if head.view is not None and head.view.candle.open_time <= last:
        changes.append(DeleteRangeFromColumn(FORMING, _VIEW, None, (head.view.as_of + 1) * MICROS))
    return changes


def show(view: FormingCandle) -> list[Mutation]:
    """Keep this view, unless one with a later `as_of` is there."""
    return _newest(FORMING, _VIEW, to_json(view), view.as_of)


def _newest(family: str, column: bytes, value: bytes, at: int) -> list[Mutation]:
    """Put a cell and take the older ones away: every read scans all that have not been collected yet."""
    return [
        DeleteRangeFromColumn(family, column, None, at * MICROS),
        SetCell(family, column, value, at * MICROS),
    ]
