"""Lines of a recorded Binance websocket session in, trades out.

FORMAT ``binance-frames``: raw ``@trade`` frames, one per line, bare or in the envelope of a combined stream, optionally
after the local time of their arrival. Other frames are skipped and counted.
Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#trade-streams; ``X`` (futures) is
``MARKET`` for a trade of the order book, other kinds (insurance fund, liquidation queue) are no market trades.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated

import msgspec

from shared.adapters.wire.cells import parse_amount
from shared.adapters.wire.frame_lines import frame_of, frames
from shared.adapters.wire.read_report import ReadReport
from shared.domain.trade import AggressorSide, Trade
from shared.errors import InvalidInput

_Millis = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]


class _Event(msgspec.Struct):
    e: str = ""
    s: str = ""


class _Frame(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _Trade(msgspec.Struct):
    T: _Millis
    s: str
    t: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    p: str
    q: str
    m: bool
    X: str = "MARKET"


_frame = msgspec.json.Decoder(_Frame)
_event = msgspec.json.Decoder(_Event)
_trade = msgspec.json.Decoder(_Trade)


def recognises(first_line: str) -> bool:
    """Whether the line is a Binance frame: an event, a combined stream, or the answer to a request."""
    frame = frame_of(first_line)
    try:
        keys = msgspec.json.decode(frame, type=dict[str, msgspec.Raw]).keys() if frame else set[str]()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return {"stream", "data"} <= keys or {"e", "E"} <= keys or {"result", "id"} == keys


def read(
    lines: Iterable[str], *, symbol: str, columns: Mapping[str, str] | None, report: ReadReport
) -> Iterator[Trade]:
    """Trades of `symbol`; the others are left out.

    Raises:
        InvalidInput: A frame that cannot be read (it may have held a trade), or `columns` for frames.
    """
    if columns:
        raise InvalidInput("--columns does not go with binance-frames: frames have no columns")
    for text in frames(lines, report):
        try:
            trade = _decode(text, report)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise report.broken(text, f"frame: {error}; remove the line") from None
        if trade is None:
            continue
        report.symbols.add(trade.symbol)
        if trade.symbol == symbol:
            yield trade


def _decode(text: str, report: ReadReport) -> Trade | None:
    try:
        body = _frame.decode(text).data or text
        kind = _event.decode(body).e
    except msgspec.ValidationError:
        kind = ""
    if kind != "trade":
        report.skipped[kind or "foreign"] += 1
        return None
    fill = _trade.decode(body)
    if fill.X != "MARKET":
        report.skipped["not a market trade"] += 1
        return None
    return _of(fill)


def _of(fill: _Trade) -> Trade:
    price: Decimal = parse_amount(fill.p)
    # A buyer who is the maker rested: the seller took.
    side = AggressorSide.SELL if fill.m else AggressorSide.BUY
    return Trade(fill.s, fill.T, price, parse_amount(fill.q), str(fill.t), side, fill.t)
