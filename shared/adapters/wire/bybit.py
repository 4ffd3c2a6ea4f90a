"""Bytes of Bybit's v5 public API in, domain values out: websocket frames, kline rows, instrument lists.

Pure: no socket, no clock. Sources: https://bybit-exchange.github.io/docs/v5/websocket/public/trade and
https://bybit-exchange.github.io/docs/v5/market/kline.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import msgspec

from shared.domain.candle import Candle, CandleSource
from shared.domain.timeframe import Timeframe
from shared.domain.trade import AggressorSide, Trade
from shared.engine.candle_fold import check_numbers
from shared.errors import InvalidMessage, Refused, Unavailable

TRADE_TOPIC: Final = "publicTrade."
RATE_BAN_MILLIS: Final = 600_000
"""Documented wait after an address asked too often: at least 10 minutes, without any request in between."""

_OTHER_TOPICS = frozenset({"orderbook", "kline", "tickers", "liquidation", "allLiquidation", "insurance", "priceLimit"})
_SIDES = {"Buy": AggressorSide.BUY, "Sell": AggressorSide.SELL}
# Beyond these a figure is damaged: an exponent such as 1e999999 is finite, and would fill the memory in the first sum.
_SMALLEST, _LARGEST = Decimal("1e-12"), Decimal("1e18")
_SMALLEST_EXPONENT = -32
# A frame is made some ms after its trades. Hosts of one venue may disagree a little, but a trade far ahead of its own
# frame is damaged: it would stand in `prior_event_time` of every later pack, and no chain could prove a minute again.
_MOST_AHEAD = 10_000
_NAMED_TOPIC = re.compile(r",topic:([^,\s]+)")
_NAMED_TOPICS = re.compile(r":\[([^\]]*)\]")

_Millis = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]  # up to the year 9999: microseconds are refused
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Place = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True)
class TradesFrame:
    """Trades in the order of the frame; `venue_time` is when the venue made it, ms UTC."""

    trades: tuple[Trade, ...]
    venue_time: int


@dataclass(frozen=True, slots=True)
class SubscribeAck:
    """The answer to one subscribe request. `refused` are the topics that the text of an error names."""

    ok: bool
    req_id: str
    text: str
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping; `req_id` is empty where the venue does not repeat it."""

    req_id: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A frame that holds no trades of ours: ``orderbook``, ``kline`` ..., ``control``, or ``foreign`` (not v5)."""

    kind: str


Frame = TradesFrame | SubscribeAck | Pong | Ignored


class _Envelope(msgspec.Struct):
    topic: str = ""
    op: str = ""
    success: bool | None = None
    ret_msg: str | None = None
    req_id: str | None = None


class _Fill(msgspec.Struct):
    T: _Millis
    s: _Text
    S: str
    v: Decimal
    p: Decimal
    i: _Text
    BT: bool = False
    RPI: bool = False
    seq: _Place = 0


class _TradeFrame(msgspec.Struct):
    topic: str
    ts: _Millis
    data: Annotated[list[_Fill], msgspec.Meta(min_length=1)]


class _Answer(msgspec.Struct, rename={"code": "retCode", "text": "retMsg"}):
    code: int
    text: str = ""
    result: msgspec.Raw = msgspec.Raw()
    time: _Millis = 0


_Row = tuple[str, Decimal, Decimal, Decimal, Decimal, Decimal, Decimal]  # start, o, h, l, c, quantity, turnover


class _Klines(msgspec.Struct, rename={"rows": "list"}):
    symbol: _Text
    rows: list[_Row]


class _VenueTime(msgspec.Struct, rename={"nanos": "timeNano"}):
    nanos: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,20}$")]


class _Instrument(msgspec.Struct):
    symbol: _Text
    status: str = "Trading"


class _Instruments(msgspec.Struct, rename={"items": "list", "cursor": "nextPageCursor"}):
    items: list[_Instrument]
    cursor: str | None = None


_T = TypeVar("_T")
_envelope = msgspec.json.Decoder(_Envelope)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_trade_frame = msgspec.json.Decoder(_TradeFrame)
_answer = msgspec.json.Decoder(_Answer)
_klines = msgspec.json.Decoder(_Klines)
_instruments = msgspec.json.Decoder(_Instruments)
_venue_time = msgspec.json.Decoder(_VenueTime)


def decode(frame: bytes | str) -> Frame:
    """What one websocket frame says.

    Raises:
        InvalidMessage: No JSON object, or a trade frame that breaks its shape or holds numbers that no trade can have.
            The text names the fault. A frame that cannot be read may have held trades, so the connection cannot claim
            to have seen everything.
    """
    try:
        envelope = _envelope.decode(frame)
    except msgspec.ValidationError:
        _read(_object, frame, "frame")
        return Ignored("foreign")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidMessage(f"frame: {error}") from None
    if envelope.topic.startswith(TRADE_TOPIC):
        return _trades(_read(_trade_frame, frame, "trade frame"))
    if envelope.topic:
        kind = envelope.topic.partition(".")[0]
        return Ignored(kind if kind in _OTHER_TOPICS else "foreign")
    return _control(envelope)


def _read(decoder: "msgspec.json.Decoder[_T]", data: Any, name: str) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidMessage(f"{name}: {error}") from None


def _trades(frame: _TradeFrame) -> TradesFrame:
    symbol, latest = frame.topic.removeprefix(TRADE_TOPIC), frame.ts + _MOST_AHEAD
    trades = tuple(_trade(symbol, fill, ordinal, latest) for ordinal, fill in enumerate(frame.data))
    check_numbers(trades)  # the builder's own rule: what it refuses would spoil a pack full of good trades
    return TradesFrame(trades, frame.ts)


def _trade(symbol: str, fill: _Fill, ordinal: int, latest: int) -> Trade:
    if fill.s != symbol:
        raise InvalidMessage(f"trade frame: {fill.s!r} stands under the topic of {symbol!r}")
    side = _SIDES.get(fill.S)
    if side is None:
        raise InvalidMessage(f"trade frame: side {fill.S!r} of {symbol} is neither 'Buy' nor 'Sell'")
    if latest < fill.T:
        raise InvalidMessage(f"trade frame: a trade of {symbol} at {fill.T} stands {_MOST_AHEAD} ms ahead of its frame")
    return Trade(symbol, fill.T, fill.p, fill.v, fill.i, side, fill.seq, ordinal, fill.BT, fill.RPI)


def _control(frame: _Envelope) -> Frame:
    text, req_id = frame.ret_msg or "", frame.req_id or ""
    # Linear and spot answer a ping with op "ping"; options and private channels with op "pong".
    if text == "pong" or frame.op == "pong":
        return Pong(req_id)
    # An error may leave `op` out ("error:invalid op"); the only requests that can fail are subscriptions.
    if frame.op == "subscribe" and frame.success is not None:
        return SubscribeAck(frame.success, req_id, text, () if frame.success else named_topics(text))
    if not frame.op and frame.success is False:
        return SubscribeAck(ok=False, req_id=req_id, text=text, refused=named_topics(text))
    return Ignored("control" if frame.op else "foreign")


def named_topics(text: str) -> tuple[str, ...]:
    """Topics that the text of a refusal names: ``...,topic:X`` on linear, ``... :[X, Y]`` on spot."""
    found = _NAMED_TOPIC.findall(text)
    for group in _NAMED_TOPICS.findall(text):
        found.extend(part.strip() for part in group.split(",") if part.strip())
    return tuple(dict.fromkeys(found))


def parse_klines(exchange: str, body: bytes, timeframe: Timeframe, now: int) -> list[Candle]:
    """Candles of a ``/v5/market/kline`` answer that are over, ascending.

    The venue sends the newest first and marks the forming row by nothing: it is the one that ends after the venue's
    own time (`now`, ms UTC, where the answer has none).

    Raises:
        InvalidMessage, Refused, Unavailable: The body is damaged, or is an error (see `parse_result`).
    """
    answer = _read(_answer, body, "klines")
    rows = _read(_klines, parse_result(answer), "klines")
    candles = [_candle(exchange, rows.symbol, timeframe, row) for row in rows.rows]
    candles.sort(key=lambda candle: candle.open_time)
    return [candle for candle in candles if candle.close_time <= (answer.time or now)]


def _candle(exchange: str, symbol: str, timeframe: Timeframe, row: _Row) -> Candle:
    start, opening, high, low, close, quantity, turnover = row
    is_start = re.fullmatch("[0-9]{1,15}", start) and int(start) % timeframe.millis == 0
    sane = all(_is_sane(value) for value in row[1:])
    if not (is_start and sane and _SMALLEST <= low <= min(opening, close) <= max(opening, close) <= high):
        raise InvalidMessage(f"klines: the row {', '.join(map(str, row))[:200]} of {symbol} is no candle")
    return Candle(
        exchange=exchange,
        symbol=symbol,
        timeframe=timeframe,
        open_time=int(start),
        open=opening,
        high=high,
        low=low,
        close=close,
        quantity=quantity,
        turnover=turnover,
        trades=0,
        complete=True,
        source=CandleSource.EXCHANGE,
    )


def _is_sane(value: Decimal) -> bool:
    return value.is_finite() and 0 <= value <= _LARGEST and value.adjusted() >= _SMALLEST_EXPONENT


def parse_venue_time(body: bytes) -> int:
    """The venue's clock in a ``/v5/market/time`` answer, ms UTC.

    Raises:
        InvalidMessage, Refused, Unavailable: The body is damaged, or is an error (see `parse_result`).
    """
    said = _read(_venue_time, parse_result(_read(_answer, body, "time")), "time")
    return int(said.nanos) // 1_000_000


def parse_instruments(body: bytes) -> tuple[frozenset[str], str]:
    """Symbols that trade now in one page of ``/v5/market/instruments-info``, and the next page's cursor ("" = last).

    Raises:
        InvalidMessage, Refused, Unavailable: The body is damaged, or is an error (see `parse_result`).
    """
    page = _read(_instruments, parse_result(_read(_answer, body, "instruments")), "instruments")
    return frozenset(item.symbol for item in page.items if item.status == "Trading"), page.cursor or ""


def parse_result(answer: _Answer) -> msgspec.Raw:
    """The `result` of a REST answer. Errors arrive with HTTP 200: only `retCode` tells.

    Raises:
        Unavailable: The venue is busy (10000, 10016) or asked us to slow down (10006, 10018).
        Refused: ``region`` (10009, 10024), ``not_found`` (10001: unknown symbol), else ``bad_request``.
    """
    code, text = answer.code, f"Bybit answered {answer.code}: {answer.text}"
    if code == 0:
        return answer.result
    if code in (10000, 10016):
        raise Unavailable(text)
    if code in (10006, 10018):
        raise Unavailable(text, retry_after=5_000)  # the limit is counted over 5 seconds
    if code in (10009, 10024):
        raise Refused(f"{text}; this region is not served: run in asia-southeast1 or set another host", "region")
    if code == 10001:  # noqa: PLR2004 - Bybit's own number, see the table above
        raise Refused(text, "not_found")
    raise Refused(text, "bad_request")
