"""The page that shows the channel, and the sandbox's own controls: HTTP in; files, live events and switches out.

Controls take JSON only, so that a foreign web page cannot press them by a form.
"""

import asyncio
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from aiohttp import web

from services.sandbox.bybit_ws import BybitSocket
from services.sandbox.channel import Channel, Message
from services.sandbox.faults import FaultBoard
from services.sandbox.telegram_api import TelegramApi
from services.sandbox.updates import Updates
from shared.errors import InvalidInput

_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_CLOCK_SECONDS = 2.0  # of the machine: how often the page is told the market's time


class Page:
    """Serves people.

    Args:
        channel: What is shown.
        updates: Takes button presses.
        api: Its transcript is shown.
        socket: Its connections can be cut.
        faults: Can be switched.
        status: The market's time, speed and whether it is open, as the page's header shows them, and the counters.
    """

    def __init__(
        self,
        *,
        channel: Channel,
        updates: Updates,
        api: TelegramApi,
        socket: BybitSocket,
        faults: FaultBoard,
        status: Callable[[], dict[str, Any]],
    ) -> None:
        self._channel = channel
        self._updates = updates
        self._api = api
        self._socket = socket
        self._faults = faults
        self._status = status
        package = files("services.sandbox")
        self._files = {path: (package.joinpath(name).read_bytes(), kind) for path, (name, kind) in _FILES.items()}

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        return [
            *(web.get(path, self._serve_file) for path in self._files),
            web.get("/sandbox/events", self._serve_events),
            web.get("/sandbox/photos/{file_id}", self._serve_photo),
            web.get("/sandbox/counters", self._serve_counters),
            web.get("/sandbox/transcript", self._serve_transcript),
            web.get("/sandbox/faults", self._serve_faults),
            web.post("/sandbox/faults", self._set_faults),
            web.post("/sandbox/press", self._press),
        ]

    async def _serve_file(self, request: web.Request) -> web.Response:
        body, kind = self._files[request.path]
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_HEADERS)

    async def _serve_photo(self, request: web.Request) -> web.Response:
        picture = self._channel.picture(request.match_info["file_id"])
        if picture is None:
            raise web.HTTPNotFound
        headers = {**_HEADERS, "Cache-Control": "private, max-age=3600"}
        return web.Response(body=picture.data, content_type=picture.content_type, headers=headers)

    async def _serve_counters(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(self._status()["counters"])

    async def _serve_transcript(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(list(self._api.transcript))

    async def _serve_faults(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(self._faults.as_json())

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.set(await _json_object(request))
        except InvalidInput as error:
            return web.json_response({"error": str(error)}, status=400)
        code = self._faults.strike("ws_drop")
        if code is not None:
            self._socket.drop_all(int(code))
        return web.json_response(self._faults.as_json())

    async def _press(self, request: web.Request) -> web.Response:
        body = await _json_object(request)
        message_id, data = body.get("message_id"), body.get("data")
        message = self._channel.find(message_id) if isinstance(message_id, int) else None
        if message is None or not isinstance(data, str) or data not in _button_data(message):
            return web.json_response({"error": "there is no such button"}, status=404)
        return web.json_response({"id": self._updates.press(message, data)})

    async def _serve_events(self, request: web.Request) -> web.StreamResponse:
        """Server-Sent Events: first the whole state, then what changes, and the market's time now and then."""
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        with self._channel.watch() as news:
            await response.prepare(request)
            state = {"event": "state", "chat": self._channel.chat, "messages": self._channel.messages}
            await response.write(_event({**state, **self._status()}))
            while True:
                try:
                    async with asyncio.timeout(_CLOCK_SECONDS):
                        item = await news.get()
                except TimeoutError:
                    item = {"event": "clock"}
                if item is None:
                    return response
                await response.write(_event({**item, **self._status()}))


def _event(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def _button_data(message: Message) -> set[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return {button["callback_data"] for row in rows for button in row if "callback_data" in button}


async def _json_object(request: web.Request) -> dict[str, Any]:
    """The JSON object of a control's request."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send application/json")
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="send a JSON object")
    return body
