"""The Bot API over HTTP: requests to ``/bot<token>/<method>`` in, the API's JSON answers and a transcript out.

Tokens, unknown methods, floods and switched-on faults are dealt with here; what a method does is in `TelegramMethods`.
"""

import asyncio
import hmac
import math
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.sandbox.broken_answer import unanswered
from services.sandbox.call_counters import CallCounters
from services.sandbox.faults import FaultBoard
from services.sandbox.minute_window import MinuteWindow
from services.sandbox.telegram_error import TelegramError, bad_request, conflict, too_many_requests
from services.sandbox.telegram_methods import TelegramMethods
from services.sandbox.telegram_request import read_parameters, text_of
from shared.ports import Clock

_TRANSCRIPT_LENGTH = 20_000
_LIMITED = ("send", "forward", "editmessage")
_LONGEST_PATIENCE = 120.0  # seconds of the machine: no client waits longer for an answer


class TelegramApi:
    """Serves one bot.

    Args:
        clock: Market time for the transcript; its monotonic seconds for limits and rates.
        methods: What the bot can do.
        faults: Switched at run time.
        token: The only valid token.
    """

    def __init__(self, *, clock: Clock, methods: TelegramMethods, faults: FaultBoard, token: str) -> None:
        self._clock = clock
        self._methods = methods
        self._faults = faults
        self._token = token
        self._operations: defaultdict[str, MinuteWindow] = defaultdict(MinuteWindow)
        self.counters = CallCounters(clock)
        self.transcript: deque[dict[str, Any]] = deque(maxlen=_TRANSCRIPT_LENGTH)

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        return [web.route("*", "/bot{token:[^/]*}/{method:[^/]+}", self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        if self._faults.strike("telegram_refuse", method=name) is not None:
            return unanswered(request)
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
        self._record(name, parameters, 200, result)
        await self._clock.sleep(int(self._strike("telegram_slow", name, parameters) or 0))
        if name.lower().startswith("send") and self._strike("telegram_timeout_share", name, parameters) is not None:
            await asyncio.sleep(_LONGEST_PATIENCE)
            return unanswered(request)
        if self._strike("telegram_swallow", name, parameters) is not None:
            return unanswered(request)
        return web.json_response({"ok": True, "result": result})

    async def _carry_out(self, name: str, parameters: Mapping[str, Any]) -> Any:
        self._fail_on_purpose(name, parameters)
        method = self._methods.find(name)
        if name.lower().startswith(_LIMITED):
            self._count_operation(name, parameters)
        return await method(parameters)

    def _fail_on_purpose(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Refuse the call if a fault says so; it is not carried out."""
        seconds = self._strike("telegram_rate", name, parameters)
        if seconds is not None:
            raise too_many_requests(int(seconds))
        status = self._strike("telegram_error", name, parameters)
        if status is not None:
            raise TelegramError(int(status), "Bad Gateway" if status == 502 else "Internal Server Error")  # noqa: PLR2004
        if name.lower() == "getupdates" and self._strike("telegram_conflict", name, parameters) is not None:
            raise conflict()
        if _has_markup(parameters) and self._strike("telegram_markup", name, parameters) is not None:
            raise bad_request('can\'t parse entities: Unsupported start tag "sandbox" at byte offset 0')

    def _count_operation(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Take one of the chat's operations of this minute, where there is a limit."""
        chat, now = self._chat(parameters), self._clock.monotonic()
        if chat is None:
            return
        operations = self._operations[chat]
        limit = self._faults.value("telegram_limit", method=name, chat=text_of(parameters, "chat_id"))
        if limit is not None and operations.count(now) >= int(limit):
            self._strike("telegram_limit", name, parameters)
            raise too_many_requests(max(1, math.ceil(operations.seconds_left(now))))
        operations.add(now)

    def _strike(self, fault: str, name: str, parameters: Mapping[str, Any]) -> int | str | None:
        return self._faults.strike(fault, method=name, chat=text_of(parameters, "chat_id"))

    def _chat(self, parameters: Mapping[str, Any]) -> str | None:
        """The settings' name of the chat a call is about, if it exists."""
        channel = self._methods.channel(text_of(parameters, "chat_id"))
        return None if channel is None else channel.name

    def _check_token(self, token: str) -> None:
        if ":" not in token:
            raise TelegramError(401, "Unauthorized: invalid token specified")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise TelegramError(401, "Unauthorized")

    def _record(self, method: str, parameters: Mapping[str, Any], status: int, result: Any) -> None:
        """Count a call and write it down, but no poll that brought nothing; pictures by their size, the token never."""
        self.counters.add(method, self._chat(parameters), status)
        if result == [] and method.lower() == "getupdates":
            return
        shown = {name: {"bytes": len(it)} if isinstance(it, bytes) else it for name, it in parameters.items()}
        self.transcript.append(
            {"time": self._clock.now(), "method": method, "parameters": shown, "status": status, "result": result}
        )


def bot_of(token: str) -> dict[str, Any]:
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


def _has_markup(parameters: Mapping[str, Any]) -> bool:
    text = text_of(parameters, "text") + text_of(parameters, "caption")
    return "<" in text and bool(text_of(parameters, "parse_mode"))
