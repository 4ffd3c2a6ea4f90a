"""Rows of a table in, trades out: what all trade files with columns have in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from shared.adapters.wire.cells import is_whole, parse_amount, parse_side, parse_time
from shared.adapters.wire.columns import Aliases, open_table, split_rows
from shared.adapters.wire.read_report import ReadReport
from shared.domain.trade import AggressorSide, Trade

REQUIRED: Final = ("time", "price", "quantity")
FIELDS: Final = (*REQUIRED, "id", "side", "symbol")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Style:
    """How one format differs from the next.

    Attributes:
        aliases: Usual column names by field of `FIELDS`, and ``rpi`` where the format has the flag.
        trade_id: Trade id from event time (ms) and id cell; None where the cell is the id.
        numbered: Numeric ids count up in the venue's order. Otherwise the order of the lines is the order of trades.
        side: Aggressor side from its cell.
    """

    aliases: Aliases
    trade_id: Callable[[int, str], str] | None = None
    numbered: bool = True
    side: Callable[[str], AggressorSide] = parse_side


def read_rows(
    lines: Iterable[str], style: Style, *, symbol: str, columns: Mapping[str, str] | None, report: ReadReport
) -> Iterator[Trade]:
    """Trades of `symbol`, in the order of the file. A file that names no symbol holds only the wanted one.

    Raises:
        InvalidInput: A column is absent or a row is broken; names file, line, value and cure.
    """
    table = open_table(split_rows(report.follow(lines), report), style.aliases, REQUIRED, columns, report)
    reader = _RowReader(table.places, style, symbol, report)
    named = table.places.get("symbol")
    for row in table.rows:
        if named is not None:
            report.symbols.add(row[named])
            if row[named] != symbol:
                continue
        yield reader.trade(row)


class _RowReader:
    """Makes a trade of each row of one file."""

    def __init__(self, places: Mapping[str, int], style: Style, symbol: str, report: ReadReport) -> None:
        self._places = places
        self._style = style
        self._symbol = symbol
        self._report = report

    def trade(self, row: Sequence[str]) -> Trade:
        style = self._style
        time = self._parsed(row, "time", parse_time)
        given = self._cell(row, "id")
        return Trade(
            symbol=self._symbol,
            event_time=time,
            price=self._parsed(row, "price", parse_amount),
            quantity=self._parsed(row, "quantity", parse_amount),
            trade_id=style.trade_id(time, given) if style.trade_id and given else given,
            aggressor_side=self._parsed(row, "side", style.side),
            sequence=int(given) if style.numbered and is_whole(given) else self._report.line,
            is_rpi=self._cell(row, "rpi").lower() in ("1", "true"),
        )

    def _cell(self, row: Sequence[str], field: str) -> str:
        place = self._places.get(field)
        return "" if place is None else row[place]

    def _parsed(self, row: Sequence[str], field: str, parse: Callable[[str], _T]) -> _T:
        text = self._cell(row, field)
        try:
            return parse(text)
        except ValueError as error:
            raise self._report.broken(text, f"{field}: {error}; mend or remove the line") from None
