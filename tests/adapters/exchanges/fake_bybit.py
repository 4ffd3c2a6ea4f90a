"""A Bybit on a free loopback port that is hostile on demand: flags in, the venue's documented misbehaviour out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from shared.adapters.clock.system import SystemClock

CLOUDFRONT = (
    "<HTML><TITLE>ERROR: The request could not be satisfied</TITLE>The Amazon CloudFront distribution is ...</HTML>"
)


@dataclass
class FakeBybit:
    """Connections are counted from 1; a fault named after a number of connections heals after them."""

    spot: bool = False
    unknown: set[str] = field(default_factory=set)
    names_topics: bool = True
    acks_from: int = 1  # first connection on which subscriptions are answered
    double_acks: bool = False
    pongs: bool = True
    lively: set[str] | None = None  # symbols that trade at every ping; None for all
    backlog: list[str] = field(default_factory=list)  # frames sent before the first ack
    script: list[str] = field(default_factory=list)  # frames sent after the first ack
    drops_until: int = 0  # connections up to this one are cut after the first trade
    upgrade: tuple[int, str, str] | None = None  # status, content type and body instead of a websocket
    refuses_until: int = 0  # ... on connections up to this one
    rest: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # answers by path, the last one repeated

    port: int = 0
    connections: int = 0
    requests: list[dict] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    trades: int = 0

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["FakeBybit"]:
        app = web.Application()
        app.router.add_get("/v5/public/{category}", self._stream)
        app.router.add_get("/v5/market/{what}", self._rest)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", self.port)
            await site.start()
            self.port = site._server.sockets[0].getsockname()[1]
            yield self
        finally:
            await runner.cleanup()

    def trade(self, symbol: str) -> str:
        self.trades += 1
        now = SystemClock().now()
        fill = {"T": now, "s": symbol, "S": "Buy", "v": "1", "p": "2.5", "i": f"i{self.trades}", "BT": False, "seq": 1}
        return json.dumps({"topic": f"publicTrade.{symbol}", "type": "snapshot", "ts": now, "data": [fill]})

    async def _rest(self, request: web.Request) -> web.Response:
        self.queries.append(dict(request.query))
        answers = self.rest[request.match_info["what"]]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return web.Response(status=status, text=body)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.upgrade and self.connections <= self.refuses_until:
            status, kind, body = self.upgrade
            return web.Response(status=status, content_type=kind, text=body)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        session = _Session(self, request, socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await session.on(json.loads(message.data))
        self.closed.set()
        return socket


class _Session:
    """One connection."""

    def __init__(self, fake: FakeBybit, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.fake = fake
        self.request = request
        self.socket = socket
        self.subscribed: list[str] = []

    async def on(self, frame: dict) -> None:
        self.fake.requests.append(frame)
        if frame["op"] == "ping":
            await self._on_ping(frame)
        elif self.fake.connections >= self.fake.acks_from:
            await self._on_subscribe(frame)

    async def _on_ping(self, frame: dict) -> None:
        if not self.fake.pongs:
            return
        pong = {"success": True, "ret_msg": "pong", "conn_id": "c", "req_id": frame["req_id"], "op": "ping"}
        await self.socket.send_json(pong)
        for symbol in self.subscribed:
            if self.fake.lively is None or symbol in self.fake.lively:
                await self.socket.send_str(self.fake.trade(symbol))
                if self.fake.connections <= self.fake.drops_until:
                    self.request.transport.abort()

    async def _on_subscribe(self, frame: dict) -> None:
        symbols = [topic.removeprefix("publicTrade.") for topic in frame["args"]]
        if not self.subscribed:
            for line in self.fake.backlog:
                await self.socket.send_str(line)
        text = self._refusal(symbols)
        ack = {"success": not text, "ret_msg": text, "conn_id": "c", "op": "subscribe"}
        if not (self.fake.spot and text):  # spot leaves the id out of its errors
            ack["req_id"] = frame["req_id"]
        for _ in range(1 + self.fake.double_acks):
            await self.socket.send_json(ack)
        if not text:
            first, self.subscribed = not self.subscribed, [*self.subscribed, *symbols]
            for line in self.fake.script if first else ():
                await self.socket.send_str(line)

    def _refusal(self, symbols: list[str]) -> str:
        if self.fake.spot and len(symbols) > 10:
            return "args size >10"
        bad = next((f"publicTrade.{symbol}" for symbol in symbols if symbol in self.fake.unknown), None)
        if bad is None:
            return ""
        if not self.fake.names_topics:
            return "error:handler not found"
        return f"Invalid symbol :[{bad}]" if self.fake.spot else f"error:handler not found,topic:{bad}"
