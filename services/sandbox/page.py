"""The page that shows the channel: HTTP in; files, live events and button presses out."""

import asyncio
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from aiohttp import web

from services.sandbox.album import Album
from services.sandbox.channel import Channel, button_data
from services.sandbox.controls import json_object
from services.sandbox.updates import Updates

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
        album: The pictures in it.
        updates: Takes button presses.
        status: The market's time, speed and whether it is open, as the page's header shows them, and the counters.
    """

    def __init__(
        self, *, channel: Channel, album: Album, updates: Updates, status: Callable[[], dict[str, Any]]
    ) -> None:
        self._channel = channel
        self._album = album
        self._updates = updates
        self._status = status
        package = files("services.sandbox")
        self._files = {path: (package.joinpath(name).read_bytes(), kind) for path, (name, kind) in _FILES.items()}

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        return [
            *(web.get(path, self._serve_file) for path in self._files),
            web.get("/sandbox/events", self._serve_events),
            web.get("/sandbox/photos/{file_id}", self._serve_photo),
            web.post("/sandbox/press", self._press),
        ]

    async def _serve_file(self, request: web.Request) -> web.Response:
        body, kind = self._files[request.path]
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_HEADERS)

    async def _serve_photo(self, request: web.Request) -> web.Response:
        picture = self._album.find(request.match_info["file_id"])
        if picture is None:
            raise web.HTTPNotFound
        headers = {**_HEADERS, "Cache-Control": "private, max-age=3600"}
        return web.Response(body=picture.data, content_type=picture.content_type, headers=headers)

    async def _press(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        message_id, data = body.get("message_id"), body.get("data")
        message = self._channel.find(message_id) if isinstance(message_id, int) else None
        if message is None or not isinstance(data, str) or data not in button_data(message):
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
