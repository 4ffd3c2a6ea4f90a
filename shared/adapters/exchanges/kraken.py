"""Kraken, public spot REST: candles and the list of pairs. Our symbols in, candles out; there is no live feed here.

Source: https://docs.kraken.com/api/docs/rest-api/get-ohlc-data.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field

from shared.adapters.wire import kraken as wire
from shared.domain.candle import Candle
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidMessage, Refused, TrackerError, Unavailable
from shared.ports import Clock


class Options(BaseModel):
    """Settings of Kraken. Times are seconds.

    Attributes:
        category: Product.
        rest_url: Host of the REST API.
        rest_timeout: For one request.
        pause: Between two requests: the venue takes about one a second from an address.
        usd_fallback: Whether a pair against USDT that Kraken does not list is read as the same base against US dollars.
            Both move alike to a fraction of a percent; the candles keep the symbol that was asked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    category: Literal["spot"] = "spot"
    rest_url: str = Field(default="https://api.kraken.com", pattern="^https?://[^/]+$")
    rest_timeout: float = Field(default=10.0, gt=0)
    pause: float = Field(default=1.0, ge=0)
    usd_fallback: bool = True


class KrakenExchange:
    """A `MarketHistory`. The venue lists 720 closed candles of each timeframe and none that are older."""

    def __init__(self, options: Options, clock: Clock) -> None:
        """Opens nothing; connections are made when they are needed."""
        self._options = options
        self._clock = clock
        self._http = httpx.AsyncClient(base_url=options.rest_url, timeout=options.rest_timeout, trust_env=False)
        self._turn = asyncio.Lock()
        self._free_at = 0.0
        self._barred_until = 0.0
        self._pairs: dict[str, str] = {}

    @property
    def exchange(self) -> str:
        """``kraken-spot``."""
        return f"kraken-{self._options.category}"

    async def candles(self, symbol: str, timeframe: Timeframe, start: int, end: int) -> list[Candle]:
        """See `MarketHistory.candles`. What is older than the venue's 720 candles is absent."""
        pairs = self._names(symbol)
        for pair in pairs:
            try:
                found = await self._listed(pair, symbol, timeframe, start)
            except Refused as error:
                if error.reason != "not_found":
                    raise
            else:
                self._pairs[symbol] = pair
                return [candle for candle in found if start <= candle.open_time < end]
        raise Refused(f"Kraken lists no {' and no '.join(pairs)} for {symbol}", "not_found")

    async def symbols(self) -> frozenset[str]:
        """See `MarketHistory.symbols`. A pair against dollars stands under its own name only."""
        found: frozenset[str] = self._read(wire.parse_pairs, await self._get("AssetPairs", {}))
        return found

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    def _names(self, symbol: str) -> list[str]:
        """The pair a symbol was found under before, or those under which it may be."""
        if symbol in self._pairs:
            return [self._pairs[symbol]]
        dollars = wire.dollar_symbol(symbol) if self._options.usd_fallback else None
        return [wire.pair(name) for name in (symbol, dollars) if name]

    async def _listed(self, pair: str, symbol: str, timeframe: Timeframe, start: int) -> list[Candle]:
        """Closed candles of a pair from `start` on, perhaps with one before it, as candles of `symbol`."""
        # `since` leaves out the candle it names, hence the one before.
        since = max(0, timeframe.floor(start) - timeframe.millis) // 1000
        body = await self._get("OHLC", {"pair": pair, "interval": wire.INTERVALS[timeframe], "since": since})
        found: list[Candle] = self._read(wire.parse_ohlc, self.exchange, symbol, body, timeframe)
        return found

    async def _get(self, path: str, query: Mapping[str, Any]) -> bytes:
        url = self._options.rest_url
        async with self._turn:
            barred = self._barred_until - self._clock.monotonic()
            if barred > 0:  # any request in between would lengthen it
                raise Unavailable(f"{url}: this address asked too often and is barred", int(barred * 1000))
            wait = self._free_at - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(int(wait * 1000))
            self._free_at = self._clock.monotonic() + self._options.pause
            try:
                answer = await self._http.get(f"/0/public/{path}", params=dict(query))
            except httpx.TimeoutException:
                raise Unavailable(f"cannot reach {url} (no answer within {self._options.rest_timeout:g} s)") from None
            except httpx.HTTPError as error:
                raise Unavailable(f"cannot reach {url} ({error or type(error).__name__})") from None
        if answer.status_code != httpx.codes.OK:
            raise _http_error(answer.status_code)
        return answer.content

    def _read(self, parse: Any, *arguments: Any) -> Any:
        """A body that makes no sense is an outage of the other side, not of ours."""
        try:
            return parse(*arguments)
        except InvalidMessage as error:
            raise Unavailable(f"{self._options.rest_url} answered with something else ({error})") from None
        except Unavailable as error:
            self._barred_until = self._clock.monotonic() + (error.retry_after or 0) / 1000
            raise


def _http_error(status: int) -> TrackerError:
    """What an HTTP status means. Errors of the business come with 200; the rest is the edge in front of the venue."""
    if status in (httpx.codes.FORBIDDEN, httpx.codes.UNAVAILABLE_FOR_LEGAL_REASONS):
        return Refused(f"HTTP {status}: Kraken does not serve this address; run in another region", "region")
    if status == httpx.codes.NOT_FOUND:
        return Refused("HTTP 404: no such path; check the host in the settings", "bad_request")
    return Unavailable(f"Kraken's edge answered HTTP {status}")


def create(options: Options, clock: Clock) -> KrakenExchange:
    """Kraken; nothing is opened until it is used."""
    return KrakenExchange(options, clock)
