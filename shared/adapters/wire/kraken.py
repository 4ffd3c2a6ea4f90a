"""Bytes of Kraken's public spot REST API in, domain values out; our symbols in, Kraken's pairs out, and back.

Pure: no socket, no clock. Sources: https://docs.kraken.com/api/docs/rest-api/get-ohlc-data and
https://docs.kraken.com/api/docs/rest-api/get-tradable-asset-pairs.
"""

from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import msgspec

from shared.domain.candle import Candle, CandleSource
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidMessage, Refused, TrackerError, Unavailable

INTERVALS: Final = {
    Timeframe.M1: 1,
    Timeframe.M5: 5,
    Timeframe.M15: 15,
    Timeframe.M30: 30,
    Timeframe.H1: 60,
    Timeframe.H4: 240,
    Timeframe.D1: 1440,
}
"""Minutes, as the venue names its intervals."""

MOST_ROWS: Final = 720
"""The venue lists so many candles before the uncommitted one, and nothing older however it is asked."""

_TO_KRAKEN = {"BTC": "XBT", "DOGE": "XDG"}
_FROM_KRAKEN = {kraken: ours for ours, kraken in _TO_KRAKEN.items()}
_QUOTES = ("USDT", "USDC", "USD", "EUR", "GBP")  # longest first, so that BTCUSDT is not read as BTCUSD + T
_LARGEST = Decimal("1e18")  # beyond it a figure is damaged

_LIMITED = ("EAPI:Rate limit exceeded", "EGeneral:Too many requests")
_LOCKED = "EGeneral:Temporary lockout"
_PASSING = ("EService:", "EGeneral:Internal error")
_UNKNOWN = ("EQuery:Unknown asset pair", "EQuery:Unknown asset")
_LIMIT_MILLIS = 15_000
_LOCK_MILLIS = 900_000

_Seconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
# time, open, high, low, close, volume-weighted mean price, volume, trades
_Row = tuple[_Seconds, Decimal, Decimal, Decimal, Decimal, Decimal, Decimal, _Count]


class _Answer(msgspec.Struct):
    error: list[str]
    result: dict[str, msgspec.Raw] = {}


class _Pair(msgspec.Struct):
    altname: str
    status: str = "online"


_T = TypeVar("_T")
_answer = msgspec.json.Decoder(_Answer)
_rows = msgspec.json.Decoder(list[_Row])
_pair = msgspec.json.Decoder(_Pair)


def pair(symbol: str) -> str:
    """Kraken's name of a compact pair: ``BTCUSDT`` is ``XBTUSDT``, ``DOGEUSDT`` is ``XDGUSDT``."""
    base, quote = _split(symbol)
    return _TO_KRAKEN.get(base, base) + _TO_KRAKEN.get(quote, quote)


def symbol(altname: str) -> str:
    """Our name of a pair: the other way round."""
    base, quote = _split(altname)
    return _FROM_KRAKEN.get(base, base) + _FROM_KRAKEN.get(quote, quote)


def dollar_symbol(symbol: str) -> str | None:
    """The same base against US dollars for a pair against USDT, else None: ``SUIUSDT`` is ``SUIUSD``."""
    return symbol.removesuffix("T") if symbol.endswith("USDT") and symbol != "USDT" else None


def parse_ohlc(exchange: str, symbol: str, body: bytes, timeframe: Timeframe) -> list[Candle]:
    """Candles of an ``/0/public/OHLC`` answer, ascending, without its last row: that one is not committed, ever.

    Kraken publishes no turnover; it is the volume-weighted mean price times the volume, as exact as that mean.

    Raises:
        InvalidMessage, Refused, Unavailable: The body is damaged, or is an error (see `refusal`).
    """
    result = _result(body)
    keys = [key for key in result if key != "last"]
    if len(keys) != 1:
        raise InvalidMessage(f"OHLC: one pair was asked for, {', '.join(keys) or 'none'} came")
    rows = _read(_rows, result[keys[0]], "OHLC")
    return [_candle(exchange, symbol, timeframe, row) for row in rows[:-1]]


def parse_pairs(body: bytes) -> frozenset[str]:
    """Our names of the pairs in an ``/0/public/AssetPairs`` answer that trade now.

    Raises:
        InvalidMessage, Refused, Unavailable: The body is damaged, or is an error (see `refusal`).
    """
    pairs = [_read(_pair, raw, "asset pairs") for raw in _result(body).values()]
    return frozenset(symbol(each.altname) for each in pairs if each.status == "online")


def refusal(errors: list[str]) -> TrackerError | None:
    """What the list of errors means that comes with HTTP 200; None for an empty one.

    ``not_found`` for an unknown pair; busy, limited and locked out pass by themselves; the rest is a ``bad_request``.
    """
    if not errors:
        return None
    text = f"Kraken answered {', '.join(errors)}"
    if any(error.startswith(_LOCKED) for error in errors):
        return Unavailable(text, _LOCK_MILLIS)
    if any(error.startswith(_LIMITED) for error in errors):
        return Unavailable(text, _LIMIT_MILLIS)
    if any(error.startswith(_PASSING) for error in errors):
        return Unavailable(text)
    unknown = any(error.startswith(_UNKNOWN) for error in errors)
    return Refused(text, "not_found" if unknown else "bad_request")


def _result(body: bytes) -> dict[str, msgspec.Raw]:
    answer = _read(_answer, body, "answer")
    refused = refusal(answer.error)
    if refused is not None:
        raise refused
    return answer.result


def _read(decoder: "msgspec.json.Decoder[_T]", data: Any, name: str) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidMessage(f"{name}: {error}") from None


def _split(symbol: str) -> tuple[str, str]:
    quote = next((quote for quote in _QUOTES if symbol.endswith(quote) and symbol != quote), "")
    if not quote and symbol.endswith(("BTC", "XBT")):
        quote = symbol[-3:]
    return symbol.removesuffix(quote), quote


def _candle(exchange: str, symbol: str, timeframe: Timeframe, row: _Row) -> Candle:
    time, opening, high, low, close, mean, volume, trades = row
    sane = all(value.is_finite() and 0 <= value <= _LARGEST for value in row[1:7])
    if not (sane and 0 < low <= min(opening, close) <= max(opening, close) <= high):
        raise InvalidMessage(f"OHLC: the row {', '.join(map(str, row))} of {symbol} is no candle")
    open_time = time * 1000
    if timeframe.floor(open_time) != open_time:
        raise InvalidMessage(f"OHLC: {time} of {symbol} is not the start of a {timeframe} candle")
    return Candle(
        exchange=exchange,
        symbol=symbol,
        timeframe=timeframe,
        open_time=open_time,
        open=opening,
        high=high,
        low=low,
        close=close,
        quantity=volume,
        turnover=mean * volume,
        trades=trades,
        complete=True,
        source=CandleSource.EXCHANGE,
    )
