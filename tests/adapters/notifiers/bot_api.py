"""A small Bot API on loopback: what the real one is asked comes in, decoded; what a test wants goes out as answer."""

import json
from collections import deque
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.engine.telegram_html import MarkupError, visible

TOKEN = "1:planted-token-for-tests"

_METHODS = {
    "sendMessage": "_send_message",
    "sendPhoto": "_send_photo",
    "editMessageText": "_edit_message_text",
    "answerCallbackQuery": "_answer_callback_query",
    "getUpdates": "_get_updates",
}


class BotApi:
    """Keeps messages and answers like Telegram; `faults` are answers (status, body) given before anything is done,
    `lost` counts answers that are swallowed after the request was carried out."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.encodings: set[str] = set()
        self.messages: dict[int, dict[str, Any]] = {}
        self.updates: list[dict[str, Any]] = []
        self.faults: deque[Callable[[], web.Response]] = deque()
        self.lost = 0
        self.url = ""

    def press(self, message_id: int, data: str) -> None:
        query = {"id": f"q{len(self.updates)}", "from": {"id": 5, "is_bot": False, "first_name": "A"}}
        message = {"message_id": message_id, "date": 1, "chat": {"id": -100, "type": "channel", "title": "S"}}
        query |= {"chat_instance": "1", "data": data, "message": message}
        self.updates.append({"update_id": len(self.updates) + 1, "callback_query": query})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != TOKEN:
            return error(401, "Unauthorized")
        method, fields = request.match_info["method"], await self._decode(request)
        self.calls.append((method, fields))
        if self.faults:
            return self.faults.popleft()()
        answer = getattr(self, _METHODS[method])(fields)
        if self.lost:
            self.lost -= 1
            request.transport.close()
        return answer

    async def _decode(self, request: web.Request) -> dict[str, Any]:
        self.encodings.add(request.content_type)
        if request.content_type == "application/json":
            fields = dict(await request.json())
        else:
            form = await request.post()
            fields = {name: value if isinstance(value, str) else value.file.read() for name, value in form.items()}
        markup = fields.get("reply_markup")
        return {**fields, "reply_markup": json.loads(markup) if isinstance(markup, str) else markup}

    def _send_message(self, fields: dict[str, Any]) -> web.Response:
        return self._checked(fields, fields["text"]) or self._store(fields, text=fields["text"])

    def _send_photo(self, fields: dict[str, Any]) -> web.Response:
        sizes = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]
        return self._store(fields, photo=sizes, caption=fields.get("caption", ""))

    def _edit_message_text(self, fields: dict[str, Any]) -> web.Response:
        message = self.messages.get(int(fields["message_id"]))
        if message is None:
            return error(400, "Bad Request: message to edit not found")
        if (message["text"], message["reply_markup"]) == (fields["text"], fields["reply_markup"]):
            return error(
                400, "Bad Request: message is not modified: specified new message content and reply markup are"
            )
        refusal = self._checked(fields, fields["text"])
        if refusal is not None:
            return refusal
        message |= {"text": fields["text"], "reply_markup": fields["reply_markup"], "edit_date": 2}
        return ok(_public(message))

    def _answer_callback_query(self, fields: dict[str, Any]) -> web.Response:
        if fields["callback_query_id"] == "old":
            return error(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        return ok(True)  # the Bot API's own answer

    def _get_updates(self, fields: dict[str, Any]) -> web.Response:
        return ok([update for update in self.updates if update["update_id"] >= int(fields.get("offset", 0))])

    def _checked(self, fields: dict[str, Any], text: str) -> web.Response | None:
        try:
            visible(text)
        except MarkupError as trouble:
            return error(400, f"Bad Request: can't parse entities: {trouble}")
        return error(400, "Bad Request: chat not found") if fields["chat_id"] == "@nobody" else None

    def _store(self, fields: dict[str, Any], **content: Any) -> web.Response:
        message_id = len(self.messages) + 1
        chat = {"id": -100, "type": "channel", "title": "S"}
        reply = fields.get("reply_parameters")
        message = {"message_id": message_id, "date": 1, "chat": chat, "reply_markup": fields["reply_markup"], **content}
        self.messages[message_id] = message | {"reply_to": json.loads(reply)["message_id"] if reply else None}
        return ok(_public(message))


def ok(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def error(status: int, description: str, **parameters: int) -> web.Response:
    body = {"ok": False, "error_code": status, "description": description}
    return web.json_response(body | ({"parameters": parameters} if parameters else {}), status=status)


def _public(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if value is not None and name != "reply_to"}


@asynccontextmanager
async def bot_api():
    api = BotApi()
    app = web.Application()
    app.router.add_route("*", "/bot{token}/{method}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}/bot"
    try:
        yield api
    finally:
        await runner.cleanup()
