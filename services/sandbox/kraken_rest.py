"""Kraken's public spot data by request, from the same market: query parameters in, the venue's JSON envelope out.

As at the venue: errors come in a list with HTTP 200; the answer holds up to 720 committed bars and, last, the one that
still forms; a bar opens at its own first trade; a bar without trades is flat at the close before it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from aiohttp import web

from services.sandbox.faults import FaultBoard
from services.sandbox.market import MINUTE, Market, Minute, summarise
from services.sandbox.stream import LiveStream
from shared.adapters.wire.kraken import MOST_ROWS, pair

_INTERVALS = {str(minutes): minutes * MINUTE for minutes in (1, 5, 15, 30, 60, 240, 1440)}
_KEPT = 20_000  # closed bars: they never change
_BARS_AT_ONCE = 12  # of work, before others on the event loop get their turn
_REFUSALS: dict[str, Callable[[], web.Response]] = {
    "region": lambda: web.Response(status=403, text="<html>Forbidden</html>", content_type="text/html"),
    "busy": lambda: web.json_response({"error": ["EService:Busy"]}),
    "rate": lambda: web.json_response({"error": ["EGeneral:Too many requests"]}),
    "garbage": lambda: web.json_response({"error": [], "result": []}),
}

_Row = list[int | str]
_Handler = Callable[[Mapping[str, str]], Awaitable[dict[str, Any]]]


class _KrakenError(Exception):
    """One line of the list of errors."""


class KrakenRest:
    """Serves the REST endpoints. Weekly and half-monthly bars are not offered."""

    def __init__(self, market: Market, stream: LiveStream, faults: FaultBoard) -> None:
        self._market = market
        self._stream = stream
        self._faults = faults
        self._symbols = {pair(symbol): symbol for symbol in market.listings}
        self._bars: OrderedDict[tuple[str, int, int], Minute | None] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        handlers: dict[str, _Handler] = {"Time": self._time, "AssetPairs": self._pairs, "OHLC": self._ohlc}
        return [web.get(f"/0/public/{path}", self._enveloped(handler)) for path, handler in handlers.items()]

    def _enveloped(self, handler: _Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            kind = self._faults.strike("kraken_refuse")
            if kind is not None:
                return _REFUSALS[str(kind)]()
            try:
                return web.json_response({"error": [], "result": await handler(request.query)})
            except _KrakenError as error:
                return web.json_response({"error": [str(error)]})

        return serve

    async def _time(self, query: Mapping[str, str]) -> dict[str, Any]:
        del query
        return {"unixtime": self._stream.now() // 1000}

    async def _pairs(self, query: Mapping[str, str]) -> dict[str, Any]:
        wanted = query.get("pair", "")
        unknown = [name for name in wanted.split(",") if name and name not in self._symbols]
        if unknown:
            raise _KrakenError("EQuery:Unknown asset pair")
        names = wanted.split(",") if wanted else list(self._symbols)
        return {name: self._pair(name) for name in names}

    def _pair(self, name: str) -> dict[str, Any]:
        listing = self._market.listings[self._symbols[name]]
        return {
            "altname": name,
            "wsname": f"{name.removesuffix('USDT')}/USDT",
            "base": name.removesuffix("USDT"),
            "quote": "USDT",
            "pair_decimals": max(0, -int(listing.tick.as_tuple().exponent)),
            "tick_size": format(listing.tick, "f"),
            "status": "online",
        }

    async def _ohlc(self, query: Mapping[str, str]) -> dict[str, Any]:
        name = query.get("pair", "")
        symbol = self._symbols.get(name)
        if symbol is None:
            raise _KrakenError("EQuery:Unknown asset pair")
        interval = _INTERVALS.get(query.get("interval", "1"))
        since = query.get("since", "0")
        if interval is None or not (since.isascii() and since.isdecimal()):
            raise _KrakenError("EGeneral:Invalid arguments")
        now = self._stream.known_to()
        forming = now - now % interval
        history = self._market.history_start
        oldest = max(forming - MOST_ROWS * interval, history - history % interval)
        # The bar that `since` names is left out; the forming one comes whatever was asked.
        first = min(forming, max(oldest, int(since) * 1000 // interval * interval + interval))
        rows = await self._rows(symbol, interval, range(first, forming + interval, interval), now)
        return {name: rows, "last": (forming - interval) // 1000}

    async def _rows(self, symbol: str, interval: int, starts: range, now: int) -> list[_Row]:
        close = self._close_before(symbol, starts.start)
        scale = Decimal(1).scaleb(-self._market.listings[symbol].price_scale)
        rows = []
        for number, start in enumerate(starts):
            bar = self._bar(symbol, interval, start, now)
            rows.append(_row(start, bar, close, scale))
            close = bar.close if bar else close
            if number % _BARS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return rows

    def _bar(self, symbol: str, interval: int, start: int, now: int) -> Minute | None:
        """What traded in a bar, as if it were one long minute; None where nobody did."""
        key = (symbol, interval, start)
        if key in self._bars:
            return self._bars[key]
        end = min(start + interval, now)
        minutes = [self._market.minute(symbol, time) for time in range(start, end - MINUTE + 1, MINUTE)]
        if rest := end % MINUTE:
            minutes.append(summarise(self._market.trades(symbol, end - rest, end)))
        bar = _join([minute for minute in minutes if minute is not None])
        if end == start + interval:
            self._bars[key] = bar
            if len(self._bars) > _KEPT:
                self._bars.popitem(last=False)
        return bar

    def _close_before(self, symbol: str, time: int) -> Decimal:
        """Close of the last minute with a trade before `time`; at the beginning of history the listing's price."""
        for open_time in range(time - MINUTE, self._market.history_start - 1, -MINUTE):
            minute = self._market.minute(symbol, open_time)
            if minute is not None:
                return minute.close
        listing = self._market.listings[symbol]
        return (Decimal(listing.price) / listing.tick).to_integral_value() * listing.tick


def _join(minutes: list[Minute]) -> Minute | None:
    if not minutes:
        return None
    return Minute(
        open=minutes[0].open,
        high=max(minute.high for minute in minutes),
        low=min(minute.low for minute in minutes),
        close=minutes[-1].close,
        quantity=sum((minute.quantity for minute in minutes), Decimal(0)),
        turnover=sum((minute.turnover for minute in minutes), Decimal(0)),
        trades=sum(minute.trades for minute in minutes),
    )


def _row(start: int, bar: Minute | None, close: Decimal, scale: Decimal) -> _Row:
    """Time (s), open, high, low, close, volume-weighted mean, volume, trades: text but for the first and the last."""
    if bar is None:
        flat = format(close.quantize(scale), "f")
        return [start // 1000, flat, flat, flat, flat, "0.0", "0.00000000", 0]
    mean = bar.turnover / bar.quantity
    prices = [format(price.quantize(scale), "f") for price in (bar.open, bar.high, bar.low, bar.close, mean)]
    return [start // 1000, *prices, format(bar.quantity, ".8f"), bar.trades]
