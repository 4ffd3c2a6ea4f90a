"""The sandbox's own controls: JSON over HTTP in; switches, counters and all that stood in the channel out.

``GET /sandbox/faults``
    ``active``: the faults that are on, each with ``value``, ``times`` left, ``until`` (market time, ms UTC), ``method``
    and ``chat``; ``known``: every fault and its meaning.
``POST /sandbox/faults``
    A JSON object of faults by name (see `FaultBoard.set`): each ``true``, its value, null for off, or an object, as in
    ``{"telegram_rate": {"value": 3, "times": 2, "chat": "@signals"}, "ws_delay": {"value": 500, "for_ms": 9000}}``.
    Answers as GET does, or 400 with an ``error``, and then nothing is changed.
``GET /sandbox/counters``
    ``trades`` sent, ``messages`` (pictures among them), ``edits``, ``pictures``.
``GET /sandbox/calls``
    Calls of the Bot API by method and chat; see `CallCounters.as_json`.
``GET /sandbox/transcript``
    The newest 20,000 calls: time, method, parameters, status, result.
``GET /sandbox/channel.json``
    Every message there ever was, and how many show each signal; see `report`.

Only JSON is taken, so that a foreign web page cannot press them by a form.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from services.sandbox.bybit_ws import BybitSocket
from services.sandbox.channel import Channel
from services.sandbox.channel_report import report
from services.sandbox.faults import FaultBoard
from services.sandbox.telegram_api import TelegramApi
from shared.errors import InvalidInput


class Controls:
    """Serves tests and scripts.

    Args:
        channel: What is reported.
        api: Its calls are shown.
        socket: Its connections can be cut.
        faults: Can be switched.
        status: Holds the counters of what has passed.
    """

    def __init__(
        self,
        *,
        channel: Channel,
        api: TelegramApi,
        socket: BybitSocket,
        faults: FaultBoard,
        status: Callable[[], dict[str, Any]],
    ) -> None:
        self._channel = channel
        self._api = api
        self._socket = socket
        self._faults = faults
        self._status = status

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        shown: dict[str, Callable[[], Any]] = {
            "counters": lambda: self._status()["counters"],
            "calls": self._api.counters.as_json,
            "transcript": lambda: list(self._api.transcript),
            "channel.json": lambda: report(self._channel),
            "faults": self._faults.as_json,
        }
        return [
            *(web.get(f"/sandbox/{name}", _showing(value)) for name, value in shown.items()),
            web.post("/sandbox/faults", self._set_faults),
        ]

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.set(await json_object(request))
        except InvalidInput as error:
            return web.json_response({"error": str(error)}, status=400)
        code = self._faults.strike("ws_drop")
        if code is not None:
            self._socket.drop_all(int(code))
        return web.json_response(self._faults.as_json())


async def json_object(request: web.Request) -> dict[str, Any]:
    """The JSON object of a control's request.

    Raises:
        HTTPUnsupportedMediaType: It does not say that it is JSON.
        HTTPBadRequest: It is none, or no object.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send application/json")
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="send a JSON object")
    return body


def _showing(value: Callable[[], Any]) -> Callable[[web.Request], Any]:
    async def show(request: web.Request) -> web.Response:
        del request
        return web.json_response(value())

    return show
