"""Lines of any other table of trades in, trades out.

FORMAT ``csv``: comma separated, with header or not. ``--columns time=T,price=P,quantity=Q,id=I,side=S,symbol=X``
names the columns, by number from 0 where there is no header; without it the usual names of a header are recognised.
Without an id nothing is de-duplicated; numeric ids are taken for the venue's order.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from shared.adapters.wire.columns import find_columns
from shared.adapters.wire.read_report import ReadReport
from shared.adapters.wire.trade_rows import REQUIRED, Style, read_rows
from shared.domain.trade import Trade

_STYLE: Final = Style(
    {
        "time": ("event_time", "timestamp", "time", "ts", "date", "datetime"),
        "price": ("price",),
        "quantity": ("quantity", "qty", "size", "volume", "amount"),
        "id": ("trade_id", "tradeid", "id"),
        "side": ("aggressor_side", "side"),
        "symbol": ("symbol",),
    }
)


def recognises(first_line: str) -> bool:
    """Whether the line is a header with the usual names of time, price and quantity."""
    found = find_columns([cell.strip() for cell in first_line.split(",")], _STYLE.aliases)
    return all(field in found for field in REQUIRED)


def read(
    lines: Iterable[str], *, symbol: str, columns: Mapping[str, str] | None, report: ReadReport
) -> Iterator[Trade]:
    """Trades of `symbol`; all of the file where it names no symbol.

    Raises:
        InvalidInput: A column is absent or a row is broken; names file, line, value and cure.
    """
    return read_rows(lines, _STYLE, symbol=symbol, columns=columns, report=report)
