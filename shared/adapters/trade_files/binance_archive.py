"""Lines of Binance's trade archive in, trades out.

FORMAT ``binance-archive``: https://data.binance.vision (``.../trades/...``), CSV
``id,price,qty,quote_qty,time,is_buyer_maker[,is_best_match]``; futures files have this header, spot files have none.
Times are ms, in spot files from 2025 on us. Ids count up by one. A buyer who is the maker means that the seller took.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from shared.adapters.wire.cells import parse_number
from shared.adapters.wire.read_report import ReadReport
from shared.adapters.wire.trade_rows import Style, read_rows
from shared.domain.trade import AggressorSide, Trade

_HEADER: Final = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker")
_PLACES: Final = {"id": "0", "price": "1", "quantity": "2", "time": "4", "side": "5"}
_TAKER: Final = {"true": AggressorSide.SELL, "false": AggressorSide.BUY}


def _side(is_buyer_maker: str) -> AggressorSide:
    side = _TAKER.get(is_buyer_maker.lower())
    if side is None:
        raise ValueError("is_buyer_maker is neither true nor false")
    return side


_STYLE: Final = Style({}, side=_side)


def recognises(first_line: str) -> bool:
    """Whether the line is this archive's header, or a row of it."""
    cells = [cell.strip().lower() for cell in first_line.split(",")]
    if tuple(cells[:6]) == _HEADER:
        return True
    numbers = all(parse_number(cell) is not None for cell in cells[:5])
    return len(cells) in (6, 7) and cells[0].isdigit() and numbers and cells[5] in _TAKER


def read(
    lines: Iterable[str], *, symbol: str, columns: Mapping[str, str] | None, report: ReadReport
) -> Iterator[Trade]:
    """All trades of the file; it names no symbol, so they are taken for those of `symbol`.

    Raises:
        InvalidInput: A broken row; names file, line, value and cure.
    """
    return read_rows(lines, _STYLE, symbol=symbol, columns=columns or _PLACES, report=report)
