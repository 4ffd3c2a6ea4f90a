"""The Bot API over HTTP: requests to ``/bot<token>/<method>`` in, the API's JSON answers and a transcript out.

Tokens, unknown methods, floods and switched-on faults are dealt with here; what a method does is in `TelegramMethods`.
"""

import hmac
import math
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.sandbox.channel import Channel
from services.sandbox.faults import FaultBoard
from services.sandbox.telegram_error import TelegramError, too_many_requests
from services.sandbox.telegram_methods import TelegramMethods
from services.sandbox.telegram_request import read_parameters
from services.sandbox.updates import Updates
from shared.ports import Clock

_TRANSCRIPT_LENGTH = 20_000
_LIMIT_WINDOW = 60.0  # seconds
_LIMITED = ("send", "editmessage")


class TelegramApi:
    """Serves one bot and one channel.

    Args:
        clock: Market time for the transcript; its monotonic seconds for the rate limit.
        channel: Where messages go.
        updates: What happened for the bot.
        faults: Switched at run time.
        token: The only valid token.
        rate_limit: Sends and edits a minute that the channel takes; None for no limit.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        channel: Channel,
        updates: Updates,
        faults: FaultBoard,
        token: str,
        rate_limit: int | None,
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._token = token
        self._rate_limit = rate_limit
        self._operations: deque[float] = deque()
        self._methods = TelegramMethods(channel, updates, _bot(token))
        self.transcript: deque[dict[str, Any]] = deque(maxlen=_TRANSCRIPT_LENGTH)

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        return [web.route("*", "/bot{token:[^/]*}/{method:[^/]+}", self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        if self._faults.strike("telegram_refuse", name) is not None:
            return _cut(request)
        if request.method not in ("GET", "POST"):
            return _answer(TelegramError(405, "Method Not Allowed"))
        parameters: dict[str, Any] = {}
        try:
            self._check_token(request.match_info["token"])
            parameters = await read_parameters(request)
            result = await self._carry_out(name, parameters)
        except TelegramError as error:
            self._record(name, parameters, error.code, error.description)
            return _answer(error)
        if result != [] or name.lower() != "getupdates":
            self._record(name, parameters, 200, result)
        delay = self._faults.strike("telegram_slow", name)
        if delay is not None:
            await self._clock.sleep(int(delay))
        if self._faults.strike("telegram_swallow", name) is not None:
            return _cut(request)
        return web.json_response({"ok": True, "result": result})

    async def _carry_out(self, name: str, parameters: Mapping[str, Any]) -> Any:
        seconds = self._faults.strike("telegram_rate", name)
        if seconds is not None:
            raise too_many_requests(int(seconds))
        status = self._faults.strike("telegram_error", name)
        if status is not None:
            raise TelegramError(int(status), "Bad Gateway" if status == 502 else "Internal Server Error")  # noqa: PLR2004
        method = self._methods.find(name)
        if self._rate_limit is not None and name.lower().startswith(_LIMITED):
            self._count_operation(self._rate_limit)
        return await method(parameters)

    def _count_operation(self, limit: int) -> None:
        """Take one of the channel's operations of this minute."""
        now = self._clock.monotonic()
        while self._operations and self._operations[0] <= now - _LIMIT_WINDOW:
            self._operations.popleft()
        if len(self._operations) >= limit:
            raise too_many_requests(max(1, math.ceil(self._operations[0] + _LIMIT_WINDOW - now)))
        self._operations.append(now)

    def _check_token(self, token: str) -> None:
        if ":" not in token:
            raise TelegramError(401, "Unauthorized: invalid token specified")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise TelegramError(401, "Unauthorized")

    def _record(self, method: str, parameters: Mapping[str, Any], status: int, result: Any) -> None:
        """Write a call down; pictures by their size, the token never."""
        shown = {name: {"bytes": len(it)} if isinstance(it, bytes) else it for name, it in parameters.items()}
        self.transcript.append(
            {"time": self._clock.now(), "method": method, "parameters": shown, "status": status, "result": result}
        )


def _bot(token: str) -> dict[str, Any]:
    """The bot as getMe shows it; its id is the first part of the token."""
    number = token.partition(":")[0]
    return {
        "id": int(number) if number.isdecimal() else 1,
        "is_bot": True,
        "first_name": "Sandbox",
        "username": "sandbox_signals_bot",
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
    }


def _answer(error: TelegramError) -> web.Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return web.json_response(error.body, status=error.code, headers=headers)


def _cut(request: web.Request) -> web.Response:
    """End the connection; the response that is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
