"""Errors of the Telegram library in, the platform's own out: who must act, and whether a request was written.

Descriptions and parameters: https://core.telegram.org/bots/api#making-requests
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from shared.errors import ConfigurationError, Refused, TrackerError, Unavailable, Uncertain

# Descriptions of error 400, by what they begin with, and the reason they mean.
_REASONS = (
    ("can't parse entities", "bad_markup"),
    ("message to edit not found", "not_found"),
    ("message to forward not found", "not_found"),
    # What the server behind the Bot API says of a message that was deleted a moment ago.
    ("message_id_invalid", "not_found"),
    ("message can't be edited", "not_editable"),
    ("there is no text in the message to edit", "not_editable"),
    ("not enough rights", "forbidden"),
    ("chat not found", "forbidden"),
    ("chat_forwards_restricted", "forbidden"),
)
_NOT_WRITTEN = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)

_LONGEST_RETRY = 86_400  # seconds
_UNREADABLE_RETRY = 60_000  # ms, when the server's figure is none


def translated(error: TelegramError) -> TrackerError:
    """The platform's name for a library error, as `Notifier` promises it."""
    handlers: tuple[tuple[type[TelegramError], Callable[[Any], TrackerError]], ...] = (
        (RetryAfter, lambda e: Unavailable(f"Telegram asks to slow down: {e}", retry_millis(e))),
        (
            ChatMigrated,
            lambda e: Refused(f"the chat has the new id {e.new_chat_id}; put it into the settings", "migrated"),
        ),
        (Forbidden, lambda e: Refused(f"Telegram: {e}; make the bot an administrator of the chat", "forbidden")),
        (InvalidToken, _bad_token),
        (Conflict, lambda e: Refused(f"Telegram: {e}", "bad_request")),
        (BadRequest, _refused),
        (NetworkError, _network_error),
    )
    for kind, translate in handlers:
        if isinstance(error, kind):
            return translate(error)
    return Uncertain(f"Telegram's answer cannot be read: {error}")


def _bad_token(error: InvalidToken) -> ConfigurationError:
    del error
    return ConfigurationError(
        "telegram.token: the Bot API does not know this token; ask @BotFather for the right one (and look at "
        "telegram.base_url if you changed it)"
    )


def _refused(error: BadRequest) -> Refused:
    description = description_of(error)
    reason = next((reason for start, reason in _REASONS if description.startswith(start)), "bad_request")
    return Refused(f"Telegram: {error}", reason)


def _network_error(error: NetworkError) -> TrackerError:
    """What is known about a request whose answer is no answer: was it written or not?"""
    if isinstance(error.__cause__, _NOT_WRITTEN):
        return Unavailable(f"Telegram cannot be reached: {error}; check the network and telegram.base_url")
    if description_of(error).startswith("request entity too large"):
        return Refused(f"Telegram: {error}", "bad_request")
    return Uncertain(f"Telegram gave no answer: {error}")


def description_of(error: TelegramError) -> str:
    """The server's words in small letters, without the ``Bad Request:`` before them."""
    return error.message.lower().removeprefix("bad request: ")


def retry_millis(error: RetryAfter) -> int:
    """How long the server wants to be left alone, in ms."""
    span = error.retry_after
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    # The library hands on whatever stood in the answer, text and lists too.
    sane = isinstance(seconds, int | float) and 0 <= seconds <= _LONGEST_RETRY
    return int(seconds * 1000) if sane else _UNREADABLE_RETRY
