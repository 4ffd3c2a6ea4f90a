"""Lines of Bybit's spot archive in, trades out.

FORMAT ``bybit-spot-archive``: https://public.bybit.com/spot/, one gzip CSV for each symbol and day, header
``id,timestamp,price,volume,side[,rpi]``, times in ms. The id is the row's number and starts at 1 in every file, so
here a trade is known by time and row number together; two days never share one, and a file given twice counts once.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from shared.adapters.wire.read_report import ReadReport
from shared.adapters.wire.trade_rows import Style, read_rows
from shared.domain.trade import Trade

_STYLE: Final = Style(
    {
        "time": ("timestamp",),
        "price": ("price",),
        "quantity": ("volume",),
        "id": ("id",),
        "side": ("side",),
        "rpi": ("rpi",),
    },
    trade_id=lambda time, row: f"{time}/{row}",
)


def recognises(first_line: str) -> bool:
    """Whether the header is this archive's."""
    names = [cell.strip().lower() for cell in first_line.split(",")]
    return names[:5] == ["id", "timestamp", "price", "volume", "side"]


def read(
    lines: Iterable[str], *, symbol: str, columns: Mapping[str, str] | None, report: ReadReport
) -> Iterator[Trade]:
    """All trades of the file; it names no symbol, so they are taken for those of `symbol`.

    Raises:
        InvalidInput: A broken row; names file, line, value and cure.
    """
    return read_rows(lines, _STYLE, symbol=symbol, columns=columns, report=report)
