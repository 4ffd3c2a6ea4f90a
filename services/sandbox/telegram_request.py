"""One call of the Bot API: an HTTP request in any of its encodings in, parameters out.

Parameters come as query, form, multipart or JSON; objects and numbers inside forms come as text. Files of a multipart
body are parameters of type bytes.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.sandbox.telegram_error import bad_request

LARGEST_BODY = 12 * 1024 * 1024
"""Bytes: an upload of 10 MB and its surroundings."""


async def read_parameters(request: web.Request) -> dict[str, Any]:
    """All parameters of a call; the body wins over the query."""
    parameters: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise bad_request("can't parse JSON object")
        return parameters | body
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        for name, value in (await request.post()).items():
            parameters[name] = value.file.read() if isinstance(value, web.FileField) else value
    return parameters


def text_of(parameters: Mapping[str, Any], name: str) -> str:
    """A text, empty when absent."""
    value = parameters.get(name)
    return "" if value is None else str(value)


def number_of(parameters: Mapping[str, Any], name: str, default: int = 0) -> int:
    """An integer that may be written as text; `default` when absent or no number, as the server takes it."""
    try:
        return int(parameters.get(name, default))
    except (TypeError, ValueError):
        return default


def flag_of(parameters: Mapping[str, Any], name: str) -> bool:
    """A boolean that may be written as text."""
    return str(parameters.get(name, "")).lower() in ("true", "1", "yes")


def object_of(parameters: Mapping[str, Any], name: str, what: str) -> Any:
    """A JSON value that may be written as text; None when absent or empty.

    Raises:
        TelegramError: 400, the text is no JSON; `what` names it.
    """
    value = parameters.get(name)
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise bad_request(f"can't parse {what} JSON object") from None
