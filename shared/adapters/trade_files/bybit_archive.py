"""Lines of Bybit's derivatives archive in, trades out.

FORMAT ``bybit-archive``: https://public.bybit.com/trading/, one gzip CSV for each symbol and day, header
``timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional[,RPI]``.
Times are seconds with up to 4 decimals, ids are those of the live stream. Old files are not sorted by time.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from shared.adapters.wire.read_report import ReadReport
from shared.adapters.wire.trade_rows import Style, read_rows
from shared.domain.trade import Trade

_STYLE: Final = Style(
    {
        "time": ("timestamp",),
        "symbol": ("symbol",),
        "price": ("price",),
        "quantity": ("size",),
        "id": ("trdmatchid",),
        "side": ("side",),
        "rpi": ("rpi",),
    },
    numbered=False,
)


def recognises(first_line: str) -> bool:
    """Whether the header is this archive's."""
    names = {cell.strip().lower() for cell in first_line.split(",")}
    return {"timestamp", "symbol", "side", "size", "price", "trdmatchid"} <= names


def read(
    lines: Iterable[str], *, symbol: str, columns: Mapping[str, str] | None, report: ReadReport
) -> Iterator[Trade]:
    """Trades of `symbol`; the others are left out.

    Raises:
        InvalidInput: A broken row; names file, line, value and cure.
    """
    return read_rows(lines, _STYLE, symbol=symbol, columns=columns, report=report)
