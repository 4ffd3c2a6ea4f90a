"""Texts, pictures and answers in, requests to the Telegram Bot API out; button presses come back.

Methods and errors: https://core.telegram.org/bots/api. Limits are kept by the caller: no request is made twice here.
"""

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
    Update,
)
from telegram.constants import ParseMode
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
from telegram.request import HTTPXRequest

from shared.errors import ConfigurationError, Refused, TrackerError, Unavailable, Uncertain
from shared.ports import Button, ButtonPress, Clock

logger = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")
_CONFLICT_PAUSE = 5_000
_FIRST_PAUSE, _LONGEST_PAUSE = 1_000, 60_000
_LONGEST_ANSWER = 200
# Descriptions of error 400, by what they begin with, and the reason they mean.
_REASONS = (
    ("can't parse entities", "bad_markup"),
    ("message to edit not found", "not_found"),
    ("message can't be edited", "not_editable"),
    ("there is no text in the message to edit", "not_editable"),
    ("not enough rights", "forbidden"),
    ("chat not found", "forbidden"),
)
_NOT_WRITTEN = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Options(BaseModel):
    """How to reach the Bot API.

    Attributes:
        token: The bot's token, as @BotFather gave it.
        base_url: Where the API is, without the token: a local Bot API server, or the sandbox.
        connect_timeout: Seconds to reach the server.
        read_timeout: Seconds to wait for an answer. Edits in large channels are known to take several.
        write_timeout: Seconds to write a request, pictures included.
        pool_timeout: Seconds to wait for a free connection.
        poll_timeout: Seconds the server holds a request for button presses open.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    token: SecretStr = Field(min_length=1)
    base_url: str = Field(default="https://api.telegram.org/bot", pattern="^https?://")
    connect_timeout: float = Field(default=5, gt=0)
    read_timeout: float = Field(default=20, gt=0)
    write_timeout: float = Field(default=20, gt=0)
    pool_timeout: float = Field(default=5, gt=0)
    poll_timeout: int = Field(default=25, ge=0, le=50)


class TelegramNotifier:
    """`Notifier` over python-telegram-bot."""

    def __init__(self, bot: Bot, clock: Clock, poll_timeout: int) -> None:
        self._bot = bot
        self._clock = clock
        self._poll_timeout = poll_timeout

    async def send(self, chat: str, text: str, buttons: Sequence[Button]) -> int:
        """See `Notifier.send`."""
        request = self._bot.send_message(
            chat,
            text,
            parse_mode=ParseMode.HTML,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_markup=_keyboard(buttons),
        )
        message: Message = await _answered(request)
        return message.message_id

    async def edit(self, chat: str, message_id: int, text: str, buttons: Sequence[Button]) -> None:
        """See `Notifier.edit`. The buttons always travel: an edit without them would take them away."""
        request = self._bot.edit_message_text(
            text,
            chat_id=chat,
            message_id=message_id,
            parse_mode=ParseMode.HTML,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_markup=_keyboard(buttons),
        )
        await _unless(request, "message is not modified")

    async def send_photo(self, chat: str, png: bytes, caption: str, reply_to: int | None) -> int:
        """See `Notifier.send_photo`."""
        # The message may have been deleted meanwhile; the picture is worth sending all the same.
        reply = ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to is not None else None
        request = self._bot.send_photo(
            chat, png, caption=caption, parse_mode=ParseMode.HTML, reply_parameters=reply, filename="chart.png"
        )
        message: Message = await _answered(request)
        return message.message_id

    async def answer(self, press_id: str, text: str) -> None:
        """See `Notifier.answer`."""
        request = self._bot.answer_callback_query(press_id, text=text[:_LONGEST_ANSWER])
        await _unless(request, "query is too old")

    async def presses(self) -> AsyncIterator[ButtonPress]:
        """See `Notifier.presses`.

        Raises:
            ConfigurationError: The token is refused.
        """
        offset, failures = 0, 0
        while True:
            try:
                updates = await self._bot.get_updates(
                    offset=offset, timeout=self._poll_timeout, allowed_updates=[Update.CALLBACK_QUERY]
                )
            except TelegramError as error:
                failures += 1
                await self._pause(error, failures)
                continue
            if failures:
                logger.info("button presses are read again", extra={"after_failures": failures})
            failures = 0
            for update in updates:
                offset = update.update_id + 1
                press = _press(update)
                if press is not None:
                    yield press

    async def close(self) -> None:
        """See `Notifier.close`."""
        for request in self._bot._request:  # noqa: SLF001  # Bot.shutdown does nothing unless getMe was asked before
            await request.shutdown()

    async def _pause(self, error: TelegramError, failures: int) -> None:
        """Wait as long as a failed poll demands."""
        if isinstance(error, InvalidToken):
            raise _translated(error) from error
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE << min(failures - 1, 16))
        if isinstance(error, Conflict):
            pause = _CONFLICT_PAUSE
            # One line an episode: the other side says it at each poll.
            if failures == 1:
                logger.warning(
                    "button presses go elsewhere: another process polls with this bot's token, or a webhook is set; "
                    "stop it, or delete the webhook",
                    extra={"error": str(error)},
                )
        else:
            logger.warning("button presses cannot be read", extra={"error": str(error), "pause_ms": pause})
        if isinstance(error, RetryAfter):
            pause = max(pause, _retry_millis(error))
        await self._clock.sleep(pause)


def create(options: Options, clock: Clock) -> TelegramNotifier:
    """A notifier that speaks as the bot of `options.token`. Connects at the first request.

    Args:
        options: Section ``telegram`` of the settings.
        clock: Real time, for pauses between polls.
    """
    # The library's own switch to its coming behaviour; without it every flood error warns of a deprecation.
    os.environ.setdefault("PTB_TIMEDELTA", "1")

    def transport(connections: int) -> HTTPXRequest:
        return HTTPXRequest(
            connection_pool_size=connections,
            connect_timeout=options.connect_timeout,
            read_timeout=options.read_timeout,
            write_timeout=options.write_timeout,
            pool_timeout=options.pool_timeout,
            media_write_timeout=options.write_timeout,
        )

    bot = Bot(
        options.token.get_secret_value(),
        base_url=options.base_url,
        request=transport(16),
        get_updates_request=transport(1),
    )
    return TelegramNotifier(bot, clock, options.poll_timeout)


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup([[InlineKeyboardButton(button.text, callback_data=button.data) for button in buttons]])


def _press(update: Update) -> ButtonPress | None:
    query = update.callback_query
    if query is None or query.message is None or query.data is None:
        return None
    return ButtonPress(query.id, str(query.message.chat.id), query.message.message_id, query.data)


async def _answered(request: Awaitable[_Answer]) -> _Answer:
    try:
        return await request
    except TelegramError as error:
        raise _translated(error) from error


async def _unless(request: Awaitable[Any], harmless: str) -> None:
    """Make the request; an error 400 whose description begins with `harmless` is success."""
    try:
        await request
    except BadRequest as error:
        if not _description(error).startswith(harmless):
            raise _translated(error) from error
        logger.debug("request changed nothing", extra={"error": str(error)})
    except TelegramError as error:
        raise _translated(error) from error


def _translated(error: TelegramError) -> TrackerError:
    """The platform's name for a library error."""
    handlers: tuple[tuple[type[TelegramError], Callable[[Any], TrackerError]], ...] = (
        (RetryAfter, lambda e: Unavailable(f"Telegram asks to slow down: {e}", _retry_millis(e))),
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
    description = _description(error)
    reason = next((reason for start, reason in _REASONS if description.startswith(start)), "bad_request")
    return Refused(f"Telegram: {error}", reason)


def _network_error(error: NetworkError) -> TrackerError:
    """What is known about a request whose answer is no answer: was it written or not?"""
    if isinstance(error.__cause__, _NOT_WRITTEN):
        return Unavailable(f"Telegram cannot be reached: {error}; check the network and telegram.base_url")
    if _description(error).startswith("request entity too large"):
        return Refused(f"Telegram: {error}", "bad_request")
    return Uncertain(f"Telegram gave no answer: {error}")


def _description(error: TelegramError) -> str:
    return error.message.lower().removeprefix("bad request: ")


def _retry_millis(error: RetryAfter) -> int:
    span = error.retry_after
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    return int(seconds * 1000)
