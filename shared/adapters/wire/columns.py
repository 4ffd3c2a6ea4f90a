"""The first row of a table in, the places of its columns out: by header, by usual names, or as the user says.

Also splits comma separated lines into rows.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.adapters.wire.cells import parse_number
from shared.adapters.wire.read_report import ReadReport
from shared.errors import InvalidInput

Aliases = Mapping[str, Sequence[str]]
"""By field, the usual names of its column in lower case; the first that is there wins."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose columns are known.

    Attributes:
        places: By field, the number of its column from 0; absent fields are not in it.
        rows: The data rows, header left out. Each has at least as many cells as `places` asks for.
    """

    places: Mapping[str, int]
    rows: Iterator[Sequence[str]]


def parse_columns(text: str, known: Sequence[str]) -> dict[str, str]:
    """``time=timestamp,price=4`` as a mapping from field to column.

    Raises:
        InvalidInput: Not of this shape, or a field that is not among `known`.
    """
    columns: dict[str, str] = {}
    for part in text.split(","):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column or field not in known:
            raise InvalidInput(
                f"--columns {part.strip()!r}: write field=column, with a field of: {', '.join(known)}; "
                "the column by its name, or by its number from 0"
            )
        columns[field] = column
    return columns


def split_rows(lines: Iterable[str], report: ReadReport) -> Iterator[Sequence[str]]:
    """Cells of each comma separated line, blanks around them removed.

    Raises:
        InvalidInput: Quotes that do not match.
    """
    for line in lines:
        if '"' not in line:
            yield [cell.strip() for cell in line.split(",")]
            continue
        try:
            (row,) = csv.reader([line], strict=True, skipinitialspace=True)
        except csv.Error as error:
            raise report.broken(line, f"cannot be split into cells ({error})") from None
        yield [cell.strip() for cell in row]


def is_header(row: Sequence[str]) -> bool:
    """Whether a row names columns: none of its cells is a number."""
    return len(row) > 1 and not any(parse_number(cell) is not None for cell in row)


def find_columns(header: Sequence[str], aliases: Aliases) -> dict[str, int]:
    """Places of the fields whose usual names stand in the header."""
    lower = [cell.lower() for cell in header]
    found = {field: next((name for name in names if name in lower), None) for field, names in aliases.items()}
    return {field: lower.index(name) for field, name in found.items() if name is not None}


def open_table(
    rows: Iterable[Sequence[str]],
    aliases: Aliases,
    required: Sequence[str],
    columns: Mapping[str, str] | None,
    report: ReadReport,
) -> Table:
    """Find the columns of a table, then hand out its rows.

    Args:
        rows: All rows, a header first where there is one.
        aliases: Usual names, for a table with header and no `columns`.
        required: Fields without which a row is useless.
        columns: Field to column name or number from 0, as the user gave them; nothing else is looked for then.
        report: Where the reader stands.

    Raises:
        InvalidInput: No data, or a column that is not there; names those that are.
    """
    remaining = iter(rows)
    first = next(remaining, None)
    if first is None:
        raise InvalidInput(f"{report.file} holds no row")
    header = is_header(first)
    if columns:
        places = {field: _place(column, first, header, report) for field, column in columns.items()}
    elif header:
        places = find_columns(first, aliases)
    else:
        raise report.broken(",".join(first), "no header: say which column is what with --columns, numbers from 0")
    missing = [field for field in required if field not in places]
    if missing:
        raise InvalidInput(
            f"{report.file}: no column for {', '.join(missing)}; "
            f"say which with --columns {missing[0]}=...; the file has: {', '.join(first)}"
        )
    return Table(places, _full_rows(first, header, remaining, max(places.values()) + 1, report))


def _place(column: str, first: Sequence[str], header: bool, report: ReadReport) -> int:
    if header and column in first:
        return first.index(column)
    if column.isascii() and column.isdigit() and int(column) < len(first):
        return int(column)
    known = ", ".join(first) if header else f"numbers 0 to {len(first) - 1} (there is no header)"
    raise InvalidInput(f"{report.file}: no column {column!r}; the file has: {known}")


def _full_rows(
    first: Sequence[str], header: bool, rest: Iterator[Sequence[str]], width: int, report: ReadReport
) -> Iterator[Sequence[str]]:
    if not header:
        yield first
    for row in rest:
        if len(row) < width:
            raise report.broken(",".join(row), f"{len(row)} cells where {width} are needed: a line cut off?")
        yield row
