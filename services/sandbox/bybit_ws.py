"""Bybit's public websocket: requests in, acks, pongs and trade frames out, for linear, spot and inverse.

One unknown topic rejects a whole request, as the venue does; the socket stays open. Errors are worded as each category
words them. Compression is not negotiated.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

from aiohttp import WSMsgType, web

from services.sandbox import bybit_frames as frames
from services.sandbox.bybit_refusal import refusal
from services.sandbox.client_line import ClientLine, SharedLine
from services.sandbox.market import Market
from services.sandbox.stream import LiveStream

logger = logging.getLogger(__name__)

_CATEGORIES = ("linear", "spot", "inverse")
_PREFIX = "publicTrade."
_SPOT_ARGS = 10
_ARGS_LENGTH = 21_000
_RESET = 1006  # what a client reports when no closing frame came
_MOST_WAITING = 50_000  # frames; a client that is further behind is cut off, as the venue would


class BybitSocket:
    """Serves the websocket endpoints."""

    def __init__(self, market: Market, stream: LiveStream, line: SharedLine) -> None:
        self._market = market
        self._stream = stream
        self.line = line
        self._faults = line.faults
        self._connections: dict[_Connection, None] = {}
        self._accepted = 0
        self.trades_sent = 0

    @property
    def connections(self) -> int:
        """Sockets open now."""
        return len(self._connections)

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        return [web.get("/v5/public/{category}", self._serve)]

    def drop_all(self, code: int) -> None:
        """Cut every connection with a close code; 1006 resets it without a closing frame."""
        for connection in list(self._connections):
            connection.drop(code)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        category = request.match_info["category"]
        if category not in _CATEGORIES:
            raise web.HTTPNotFound
        kind = self._faults.strike("ws_refuse")
        if kind is not None:
            return refusal(str(kind))
        socket = web.WebSocketResponse(compress=False, timeout=1.0)
        await socket.prepare(request)
        self._accepted += 1
        connection = _Connection(self, request, socket, category, f"sandbox-{self._accepted}")
        self._connections[connection] = None
        try:
            await connection.run()
        finally:
            self._stream.unsubscribe(connection, list(self._market.listings))
            del self._connections[connection]
        return socket

    def admit(self, category: str, topics: Sequence[Any], subscribed: set[str]) -> str | None:
        """Why a subscription is refused as a whole, in the category's words; None when it is fine."""
        if category == "spot" and len(topics) > _SPOT_ARGS:
            return f"args size >{_SPOT_ARGS}"
        if not topics or sum(len(str(topic)) for topic in topics) > _ARGS_LENGTH:
            return "error:invalid args"
        seen = set(subscribed)
        for topic in topics:
            if self._symbol(category, topic) is None:
                return f"Invalid symbol :[{topic}]" if category == "spot" else f"error:handler not found,topic:{topic}"
            if topic in seen:
                return f"error:already subscribed,topic:{topic}"
            seen.add(topic)
        return None

    def begin(self, connection: "_Connection", topics: Sequence[str]) -> None:
        """Subscribe a connection to topics that are admitted."""
        symbols = [topic.removeprefix(_PREFIX) for topic in topics]
        self._send_stale(connection, symbols)
        self._stream.subscribe(connection, symbols)

    def end(self, connection: "_Connection", topics: Sequence[str]) -> None:
        """Unsubscribe a connection."""
        self._stream.unsubscribe(connection, [topic.removeprefix(_PREFIX) for topic in topics])

    def answers_pings(self) -> bool:
        """Whether a ping gets a pong; everything made before the ping has been handed over by then."""
        self._stream.catch_up()
        return self._faults.strike("ws_no_pong") is None

    def _symbol(self, category: str, topic: Any) -> str | None:
        if category == "inverse" or not isinstance(topic, str) or not topic.startswith(_PREFIX):
            return None
        symbol = topic.removeprefix(_PREFIX)
        return symbol if symbol in self._market.listings else None

    def _send_stale(self, connection: "_Connection", symbols: Sequence[str]) -> None:
        """The last trades of each topic before the ack, as older servers of the venue did."""
        count = self._faults.strike("ws_stale_trades")
        for symbol in symbols if count is not None else ():
            latest = self._stream.latest(symbol, int(count or 0))
            if latest:
                text = self._stream.render(connection.category, latest, self._stream.now())
                connection.write(text)


class _Connection:
    """One client: reads its requests, and writes what it is offered without ever holding up the others."""

    def __init__(
        self, owner: BybitSocket, request: web.Request, socket: web.WebSocketResponse, category: str, conn_id: str
    ) -> None:
        self.category = category
        self._owner = owner
        self._request = request
        self._socket = socket
        self._conn_id = conn_id
        self._topics: set[str] = set()
        self._line = ClientLine(owner.line)
        self._something = asyncio.Event()
        self._cut = asyncio.Event()
        self._code = 0

    def offer(self, text: str, trades: int) -> None:
        self._owner.trades_sent += self._line.put_trades(text, trades)
        self._wake_writer()

    def write(self, text: str) -> None:
        self._line.put(text)
        self._wake_writer()

    def drop(self, code: int) -> None:
        self._code = code
        self._cut.set()
        if code == _RESET and self._request.transport is not None:
            self._request.transport.abort()

    def _wake_writer(self) -> None:
        if len(self._line) > _MOST_WAITING and not self._cut.is_set():
            logger.warning("sandbox cuts off a slow client", extra={"connection": self._conn_id})
            self.drop(_RESET)
        self._something.set()

    async def run(self) -> None:
        """Serve until the client goes or is cut off."""
        tasks = [asyncio.create_task(self._write_all()), asyncio.create_task(self._close_when_cut())]
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    self._answer(message.data)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _write_all(self) -> None:
        clock = self._owner.line.clock
        while True:
            await self._something.wait()
            self._something.clear()
            while (due := self._line.take()) is not None:
                if due.time > clock.now():
                    await clock.sleep(due.time - clock.now())
                if self._cut.is_set():
                    return
                if isinstance(due.frame, str):
                    await self._socket.send_str(due.frame)
                else:
                    await self._socket.send_bytes(due.frame)

    async def _close_when_cut(self) -> None:
        await self._cut.wait()
        if self._code != _RESET:  # or the transport is gone already
            await self._socket.close(code=self._code)

    def _answer(self, text: str) -> None:
        try:
            request = json.loads(text)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            self.write(frames.invalid_op(self._conn_id, {"op": "", "args": None}))
            return
        req_id = request.get("req_id")
        req_id = None if req_id is None else str(req_id)
        args = request.get("args")
        topics = args if isinstance(args, list) else []
        match request.get("op"):
            case "ping":
                if self._owner.answers_pings():
                    self.write(frames.pong(self._conn_id, req_id))
            case "subscribe":
                self._subscribe(topics, req_id)
            case "unsubscribe":
                self._topics.difference_update(map(str, topics))
                self._owner.end(self, [str(topic) for topic in topics])
                self.write(frames.subscribed(self.category, self._conn_id, req_id, "unsubscribe"))
            case op:
                self.write(frames.invalid_op(self._conn_id, {"op": op or "", "args": args}))

    def _subscribe(self, topics: list[Any], req_id: str | None) -> None:
        reason = self._owner.admit(self.category, topics, self._topics)
        if reason is not None:
            self.write(frames.rejected(self.category, self._conn_id, req_id, reason))
            return
        self._topics.update(topics)
        self._owner.begin(self, topics)
        self.write(frames.subscribed(self.category, self._conn_id, req_id, "subscribe"))
