"""Bybit's v5 market data by request: query parameters in, the venue's JSON envelope out.

Errors of the business come with HTTP 200 and a retCode. Linear and spot disagree about unknown symbols, as they do at
the venue.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from services.sandbox.broken_answer import halved, unanswered
from services.sandbox.bybit_frames import trade_id
from services.sandbox.bybit_refusal import refusal
from services.sandbox.faults import FaultBoard
from services.sandbox.klines import Klines, plain
from services.sandbox.market import MINUTE, Listing, Market
from services.sandbox.stream import LiveStream
from services.sandbox.wrong_klines import WrongKlines
from shared.domain.trade import AggressorSide, Trade
from shared.ports import Clock

_INTERVALS = {str(minutes): minutes * MINUTE for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)} | {
    "D": 1440 * MINUTE
}
_CATEGORIES = ("linear", "spot", "inverse")


class _BadRequestError(Exception):
    """A business error: retCode and retMsg."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


_Handler = Callable[[Mapping[str, str]], Awaitable[dict[str, Any]]]


class BybitRest:
    """Serves the REST endpoints. Weekly and monthly klines are not offered."""

    def __init__(self, clock: Clock, market: Market, stream: LiveStream, faults: FaultBoard) -> None:
        self._clock = clock
        self._market = market
        self._stream = stream
        self._faults = faults
        self._klines = Klines(market)
        self._wrong_klines = WrongKlines(market, faults)

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        handlers: dict[str, _Handler] = {
            "time": self._time,
            "kline": self._kline,
            "recent-trade": self._recent_trades,
            "instruments-info": self._instruments,
        }
        return [web.get(f"/v5/market/{path}", self._enveloped(handler)) for path, handler in handlers.items()]

    def _enveloped(self, handler: _Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            kind = self._faults.strike("rest_refuse")
            if kind is not None:
                return refusal(str(kind))
            answer = await self._answer(handler, request)
            await self._clock.sleep(int(self._faults.strike("rest_slow") or 0))
            if self._faults.strike("rest_swallow") is not None:
                return unanswered(request)
            return answer if self._faults.strike("rest_truncate") is None else halved(answer)

        return serve

    async def _answer(self, handler: _Handler, request: web.Request) -> web.Response:
        code, message, result = 0, "OK", {}
        try:
            result = await handler(request.query)
        except _BadRequestError as error:
            code, message = error.code, error.message
        body = {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": self._stream.now()}
        return web.json_response(body)

    async def _time(self, query: Mapping[str, str]) -> dict[str, Any]:
        del query
        now = self._stream.now()
        return {"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}

    async def _kline(self, query: Mapping[str, str]) -> dict[str, Any]:
        category, symbol = _category(query, "linear"), query.get("symbol", "")
        self._check_symbol(category, symbol)
        interval = _INTERVALS.get(query.get("interval", ""))
        if interval is None:
            raise _BadRequestError(10001, "Invalid period!")
        limit = _number(query, "limit", 200, 1, 1000)
        now = self._stream.known_to()
        starts = _window(query, interval, limit, self._market.history_start, now)
        rows = await self._klines.rows(symbol, interval, starts, now)
        if interval == MINUTE:
            rows = self._wrong_klines.falsify(symbol, rows, now)
        return {"symbol": symbol, "category": category, "list": rows[::-1]}

    async def _recent_trades(self, query: Mapping[str, str]) -> dict[str, Any]:
        category, symbol = _category(query), query.get("symbol", "")
        self._check_symbol(category, symbol)
        most, default = (60, 60) if category == "spot" else (1000, 500)
        latest = self._stream.latest(symbol, _number(query, "limit", default, 1, most))
        return {"category": category, "list": [_execution(trade, category) for trade in reversed(latest)]}

    async def _instruments(self, query: Mapping[str, str]) -> dict[str, Any]:
        category, symbol = _category(query), query.get("symbol")
        listings = [] if category == "inverse" else list(self._market.listings.values())
        if symbol is not None:
            listings = [listing for listing in listings if listing.symbol == symbol]
            if not listings and category != "spot":
                raise _BadRequestError(10001, "params error: symbol invalid")
        if category == "spot":
            return {"category": category, "list": [_spot_instrument(listing) for listing in listings]}
        limit = _number(query, "limit", 500, 1, 1000)
        first = _number({"cursor": query.get("cursor") or "0"}, "cursor", 0, 0, len(listings))
        page = listings[first : first + limit]
        cursor = str(first + limit) if first + limit < len(listings) else ""
        items = [_linear_instrument(listing, self._market.history_start) for listing in page]
        return {"category": category, "list": items, "nextPageCursor": cursor}

    def _check_symbol(self, category: str, symbol: str) -> None:
        if category == "inverse" or symbol not in self._market.listings:
            message = "Not supported symbols" if category == "spot" else "params error: symbol invalid"
            raise _BadRequestError(10001, message)


def _category(query: Mapping[str, str], default: str = "") -> str:
    category = query.get("category", default)
    if category not in _CATEGORIES:
        raise _BadRequestError(10001, "params error: category invalid")
    return category


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal():
        raise _BadRequestError(10001, f"params error: {name} invalid")
    return min(max(int(text), least), most)


def _window(query: Mapping[str, str], interval: int, limit: int, first: int, now: int) -> range:
    """Open times of the bars a kline request is about.

    With `start` alone the bars count forward from the one that contains it; otherwise the newest `limit` are given. A
    window wider than `limit` is answered from its end (sources about the venue disagree; nobody should ask).
    """
    newest = now - now % interval
    first -= first % interval
    end = min(_number(query, "end", now, 0, 2**53), now)
    end -= end % interval
    if "start" not in query:
        return range(max(first, end - (limit - 1) * interval), end + interval, interval)
    start = _number(query, "start", 0, 0, 2**53)
    start = max(first, start - start % interval)
    if "end" not in query:
        end = min(newest, start + (limit - 1) * interval)
    return range(max(start, end - (limit - 1) * interval), end + interval, interval)


def _execution(trade: Trade, category: str) -> dict[str, Any]:
    return {
        "execId": trade_id(trade, category),
        "symbol": trade.symbol,
        "price": plain(trade.price),
        "size": plain(trade.quantity),
        "side": "Sell" if trade.aggressor_side is AggressorSide.SELL else "Buy",
        "time": str(trade.event_time),
        "isBlockTrade": trade.is_block,
        "isRPITrade": trade.is_rpi,
        "seq": str(trade.sequence),
    }


def _spot_instrument(listing: Listing) -> dict[str, Any]:
    step = plain(listing.step)
    return {
        "symbol": listing.symbol,
        "baseCoin": listing.symbol.removesuffix("USDT"),
        "quoteCoin": "USDT",
        "innovation": "0",
        "status": "Trading",
        "lotSizeFilter": {"basePrecision": step, "minOrderQty": step, "minOrderAmt": "5"},
        "priceFilter": {"tickSize": plain(listing.tick)},
    }


def _linear_instrument(listing: Listing, launch: int) -> dict[str, Any]:
    tick, step = plain(listing.tick), plain(listing.step)
    return {
        "symbol": listing.symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": listing.symbol.removesuffix("USDT"),
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "launchTime": str(launch),
        "deliveryTime": "0",
        "priceScale": str(listing.price_scale),
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {"minOrderQty": step, "qtyStep": step, "maxOrderQty": "1000000", "minNotionalValue": "5"},
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "isPreListing": False,
    }
