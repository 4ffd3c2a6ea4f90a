"""Bybit, public v5: live trades by websocket, klines and instruments by REST. Symbols in, feed events and candles out.

Sources: https://bybit-exchange.github.io/docs/v5/ws/connect and https://bybit-exchange.github.io/docs/v5/market/kline.
"""

import json
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field

from shared.adapters.websocket import SocketFeed
from shared.adapters.websocket_talk import Answered, Ponged, Skipped, Timing
from shared.adapters.wire import bybit as wire
from shared.domain.candle import Candle
from shared.domain.feed import FeedEvent, FeedTrades
from shared.domain.timeframe import Timeframe
from shared.engine.feed_watch import WatchLimits
from shared.engine.token_bucket import TokenBucket
from shared.errors import InvalidMessage, Refused, TrackerError, Unavailable
from shared.ports import Clock

_SPOT_ARGS = 10  # documented most per request
_LINEAR_ARGS = 100  # no documented limit, but very large requests have closed connections
_ARGS_CHARACTERS = 21_000  # documented for one connection
_KLINES = 1_000  # documented most per request
_REST_PERIOD = 5_000  # ms over which the exchange counts requests
_DAY_MILLIS = 86_400_000
_REGION_CURE = "run in another region (asia-southeast1 is known to work) or set another host of the exchange"
_INTERVALS = {
    Timeframe.M1: "1",
    Timeframe.M5: "5",
    Timeframe.M15: "15",
    Timeframe.M30: "30",
    Timeframe.H1: "60",
    Timeframe.H4: "240",
    Timeframe.D1: "D",
}


class Options(BaseModel):
    """Settings of Bybit. Times are seconds; see `Timing` and `WatchLimits` for what each does.

    Attributes:
        category: Product. Inverse contracts are left out: their sizes are US dollars, not the base asset.
        ws_url: Host of the websocket, without the path; other hosts of the exchange and the testnet fit too.
        rest_url: Host of the REST API.
        ban_wait: After HTTP 403 "access too frequent"; the exchange asks for at least 10 minutes.
        rest_timeout: For one REST request.
        rest_requests: REST requests in 5 seconds, at most. The exchange bars an address after 600 of them, and
            several processes may share one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    category: Literal["linear", "spot"] = "linear"
    ws_url: str = Field(default="wss://stream.bybit.com", pattern="^wss?://[^/]+$")
    rest_url: str = Field(default="https://api.bybit.com", pattern="^https?://[^/]+$")
    connect_timeout: float = Field(default=10.0, gt=0)
    ack_timeout: float = Field(default=10.0, gt=0)
    ping_interval: float = Field(default=20.0, gt=0)
    quiet_ping: float = Field(default=2.0, gt=0)
    ping_timeout: float = Field(default=10.0, gt=0)
    backoff_first: float = Field(default=1.0, gt=0)
    backoff_most: float = Field(default=30.0, gt=0)
    silence: float = Field(default=15.0, gt=0)
    topic_silence: float = Field(default=60.0, gt=0)
    topic_gaps: float = Field(default=30.0, gt=0)
    ban_wait: float = Field(default=wire.RATE_BAN_MILLIS / 1000, gt=0)
    rest_timeout: float = Field(default=10.0, gt=0)
    rest_requests: int = Field(default=200, ge=1, le=600)

    def timing(self, speed: float) -> Timing:
        """The part of them that the socket loop wants, for a market that runs at `speed` times real time."""
        return Timing(
            connect_timeout=self.connect_timeout,
            ack_timeout=self.ack_timeout,
            ping_interval=self.ping_interval,
            quiet_ping=self.quiet_ping,
            ping_timeout=self.ping_timeout,
            backoff_first=self.backoff_first,
            backoff_most=self.backoff_most,
            watch=WatchLimits(self.silence, self.topic_silence, self.topic_gaps),
            speed=speed,
        )


class _Dialect:
    """How Bybit's public websocket speaks."""

    def __init__(self, category: str, ban_wait: float) -> None:
        self._most = _SPOT_ARGS if category == "spot" else _LINEAR_ARGS
        self._ban_millis = int(ban_wait * 1000)

    def batches(self, symbols: Sequence[str]) -> list[tuple[str, ...]]:
        batches: list[tuple[str, ...]] = []
        batch: list[str] = []
        for symbol in dict.fromkeys(symbols):  # a topic asked for twice is refused, and the whole request with it
            if batch and (len(batch) == self._most or len(_args([*batch, symbol])) > _ARGS_CHARACTERS):
                batches.append(tuple(batch))
                batch = []
            batch.append(symbol)
        return [*batches, tuple(batch)]

    def subscribe(self, symbols: Sequence[str], req_id: str) -> str:
        return f'{{"op":"subscribe","req_id":{json.dumps(req_id)},"args":{_args(symbols)}}}'

    def ping(self, req_id: str) -> str:
        return json.dumps({"op": "ping", "req_id": req_id})

    def decode(self, frame: bytes, receive_time: int) -> FeedTrades | Answered | Ponged | Skipped:
        said = wire.decode(frame)
        match said:
            case wire.TradesFrame(trades, venue_time):
                _check_frame_time(venue_time, receive_time)
                return FeedTrades(trades, venue_time, receive_time)
            case wire.SubscribeAck(ok, req_id, text, refused):
                symbols = tuple(topic.removeprefix(wire.TRADE_TOPIC) for topic in refused)
                return Answered(ok, req_id, text, symbols, already="already subscribed" in text)
            case wire.Pong(req_id):
                return Ponged(req_id)
            case wire.Ignored(kind):
                return Skipped(kind)

    def refusal(self, status: int, body: bytes) -> TrackerError:
        return _http_error(status, body, self._ban_millis) or Unavailable(f"HTTP {status} instead of a websocket")


def _check_frame_time(venue_time: int, receive_time: int) -> None:
    """Refuse a frame time that is damaged: it moves the watermark, which closes candles and never goes back.

    A frame is made at its trades, so the decoder holds these against it; a time that is wrong together with them shows
    only against the local clock, which may be wrong itself, though hardly by a day: no certificate would be valid.
    """
    if abs(venue_time - receive_time) > _DAY_MILLIS:
        raise InvalidMessage(f"a frame made at {venue_time} arrived at {receive_time}: check this machine's date")


def _args(symbols: Sequence[str]) -> str:
    return json.dumps([wire.TRADE_TOPIC + symbol for symbol in symbols], separators=(",", ":"))


def _http_error(status: int, body: bytes, ban_millis: int) -> TrackerError | None:
    """What an HTTP status means; None for success. 403 is two things: the body tells which."""
    start = body[:4096].lower()
    if status == httpx.codes.FORBIDDEN and not (b"<html" in start or b"cloudfront" in start):
        return Unavailable("HTTP 403: this address asked too often and is barred for 10 minutes", ban_millis)
    if status in (httpx.codes.FORBIDDEN, httpx.codes.UNAVAILABLE_FOR_LEGAL_REASONS):
        return Refused(f"HTTP {status}: the exchange does not serve this region; {_REGION_CURE}", "region")
    if status == httpx.codes.NOT_FOUND:
        return Refused("HTTP 404: no such path; check the host in the settings", "bad_request")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Unavailable("HTTP 429: too many requests", 5_000)
    return Unavailable(f"HTTP {status}") if status >= httpx.codes.BAD_REQUEST else None


class BybitExchange:
    """A `TradeFeed` and a `MarketHistory`."""

    def __init__(self, options: Options, clock: Clock) -> None:
        """Opens nothing; connections are made when they are needed."""
        self._options = options
        self._clock = clock
        self._dialect = _Dialect(options.category, options.ban_wait)
        self._http = httpx.AsyncClient(base_url=options.rest_url, timeout=options.rest_timeout, trust_env=False)
        self._barred_until = 0.0
        self._bucket = TokenBucket(options.rest_requests, _REST_PERIOD, spacing=0)
        self._feed = SocketFeed(
            f"{options.ws_url}/v5/public/{options.category}",
            self._dialect,
            clock,
            options.timing(getattr(clock, "speed", 1.0)),
            random.random,
        )

    @property
    def exchange(self) -> str:
        """``bybit-linear`` or ``bybit-spot``."""
        return f"bybit-{self._options.category}"

    def events(self, symbols: Sequence[str]) -> AsyncGenerator[FeedEvent, None]:
        """See `TradeFeed.events`."""
        return self._feed.events(symbols)

    async def candles(self, symbol: str, timeframe: Timeframe, start: int, end: int) -> list[Candle]:
        """See `MarketHistory.candles`. Asks in windows of 1,000: which part of a wider one comes is not documented."""
        found: list[Candle] = []
        end = min(end, self._clock.now() + timeframe.millis)  # nothing is listed in the future
        window = _KLINES * timeframe.millis
        for left in range(timeframe.floor(start), end, window):
            right = min(left + window, end)
            query = {
                "symbol": symbol,
                "interval": _INTERVALS[timeframe],
                "start": left,
                "end": right - 1,
                "limit": _KLINES,
            }
            body = await self._get("/v5/market/kline", query)
            rows = self._read(wire.parse_klines, self.exchange, body, timeframe, self._clock.now())
            found.extend(candle for candle in rows if start <= candle.open_time < end)
        return found

    async def symbols(self) -> frozenset[str]:
        """See `MarketHistory.symbols`."""
        found: frozenset[str] = frozenset()
        cursor, asked = "", set[str]()
        while cursor not in asked:
            asked.add(cursor)
            query = {"limit": 1_000} | ({"cursor": cursor} if cursor else {})
            page, cursor = self._read(wire.parse_instruments, await self._get("/v5/market/instruments-info", query))
            found |= page
            if not cursor:
                break
        return found

    async def venue_time(self) -> int:
        """The venue's clock between the question and its answer, ms UTC."""
        found: int = self._read(wire.parse_venue_time, await self._get("/v5/market/time", {}))
        return found

    async def close(self) -> None:
        """Let go of REST connections; the feed is closed by whoever reads it."""
        await self._http.aclose()

    async def _get(self, path: str, query: Mapping[str, Any]) -> bytes:
        url = self._options.rest_url
        await self._take_turn()
        barred = self._barred_until - self._clock.monotonic()
        if barred > 0:  # any request in between would lengthen the ban
            raise Unavailable(f"{url}: this address asked too often and is barred", int(barred * 1000))
        try:
            answer = await self._http.get(path, params={"category": self._options.category, **query})
        except httpx.TimeoutException:
            raise Unavailable(f"cannot reach {url} (no answer within {self._options.rest_timeout:g} s)") from None
        except httpx.HTTPError as error:
            raise Unavailable(f"cannot reach {url} ({error or type(error).__name__})") from None
        refusal = _http_error(answer.status_code, answer.content, int(self._options.ban_wait * 1000))
        if refusal is None:
            return answer.content
        if isinstance(refusal, Unavailable) and answer.status_code == httpx.codes.FORBIDDEN:
            self._barred_until = self._clock.monotonic() + self._options.ban_wait
        raise refusal

    async def _take_turn(self) -> None:
        """Wait until one more request keeps within the exchange's limit."""
        while pause := self._bucket.wait(int(self._clock.monotonic() * 1000)):
            await self._clock.sleep(pause)
        self._bucket.take(int(self._clock.monotonic() * 1000))

    def _read(self, parse: Any, *arguments: Any) -> Any:
        """A body that makes no sense is an outage of the other side, not of ours."""
        try:
            return parse(*arguments)
        except InvalidMessage as error:
            raise Unavailable(f"{self._options.rest_url} answered with something else ({error})") from None


def create(options: Options, clock: Clock) -> BybitExchange:
    """Bybit; nothing is opened until it is used."""
    return BybitExchange(options, clock)
