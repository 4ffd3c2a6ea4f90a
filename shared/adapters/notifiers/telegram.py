"""Texts, pictures and answers in, requests to the Telegram Bot API out; button presses come back.

Methods and errors: https://core.telegram.org/bots/api. Limits are kept by the caller: no request is made twice here.
"""

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any, TypeVar

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
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from shared.adapters.wire.telegram_errors import description_of, retry_millis, translated
from shared.errors import Refused, Unavailable, Uncertain
from shared.ports import Button, ButtonPress, Clock

logger = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")
_CONFLICT_PAUSE = 5_000
_FIRST_PAUSE, _LONGEST_PAUSE = 1_000, 60_000
_LONGEST_ANSWER = 200
_ELSEWHERE = (
    "button presses go elsewhere: another process polls with this bot's token, or a webhook is set; stop it, or delete "
    "the webhook"
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
        operations_chat: A chat of the operator's in which the bot may post and delete: a message whose sending got no
            answer is forwarded there for a moment, to see whether it was sent. Empty: nothing is looked at.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    token: SecretStr = Field(min_length=1)
    base_url: str = Field(default="https://api.telegram.org/bot", pattern="^https?://")
    connect_timeout: float = Field(default=5, gt=0)
    read_timeout: float = Field(default=20, gt=0)
    write_timeout: float = Field(default=20, gt=0)
    pool_timeout: float = Field(default=5, gt=0)
    poll_timeout: int = Field(default=25, ge=0, le=50)
    operations_chat: str = ""


class TelegramNotifier:
    """`Notifier` over python-telegram-bot."""

    def __init__(self, bot: Bot, clock: Clock, poll_timeout: int, operations_chat: str) -> None:
        self._bot = bot
        self._clock = clock
        self._poll_timeout = poll_timeout
        self._operations_chat = operations_chat
        self._press_trouble = ""

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

    @property
    def can_peek(self) -> bool:
        """See `Notifier.can_peek`."""
        return bool(self._operations_chat)

    async def peek(self, chat: str, message_id: int) -> str | None:
        """See `Notifier.peek`. The Bot API reads no message of a channel, but it returns what it forwards."""
        if not self._operations_chat:
            raise Refused(
                "telegram.operations_chat is empty, so no message can be looked at; name a chat of your own in which "
                "the bot may post and delete",
                "forbidden",
            )
        request = self._bot.forward_message(self._operations_chat, chat, message_id, disable_notification=True)
        try:
            copy: Message = await _answered(request)
        except Uncertain as error:
            # It may have been forwarded; a copy among the operator's messages harms nobody.
            raise Unavailable(str(error)) from error
        except Refused as refusal:
            if refusal.reason == "not_found":
                return None
            raise
        await self._take_away(copy)
        return copy.text or copy.caption or ""

    @property
    def press_trouble(self) -> str:
        """Why button presses cannot be read now, in one line; empty while they can."""
        return self._press_trouble

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
                # After a failure a short poll: a long one that goes well says so only at its end.
                wait = 0 if failures else self._poll_timeout
                poll = self._bot.get_updates(offset=offset, timeout=wait, allowed_updates=[Update.CALLBACK_QUERY])
                updates = await _readable(poll)
            except TelegramError as error:
                failures += 1
                await self._pause(error, failures)
                continue
            if failures:
                logger.info("button presses are read again", extra={"after_failures": failures})
            failures, self._press_trouble = 0, ""
            for update in updates:
                offset = update.update_id + 1
                press = _press(update)
                if press is not None:
                    yield press

    async def close(self) -> None:
        """See `Notifier.close`."""
        for request in self._bot._request:  # noqa: SLF001  # Bot.shutdown does nothing unless getMe was asked before
            await request.shutdown()

    async def _take_away(self, copy: Message) -> None:
        """Delete what was forwarded for a look; one that stays is only untidy."""
        try:
            await self._bot.delete_message(self._operations_chat, copy.message_id)
        except TelegramError as error:
            logger.warning(
                "a forwarded message stays in the operations chat",
                extra={"message_id": copy.message_id, "error": str(error)},
            )

    async def _pause(self, error: TelegramError, failures: int) -> None:
        """Wait as long as a failed poll demands."""
        if isinstance(error, InvalidToken):
            raise translated(error) from error
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE << min(failures - 1, 16))
        if isinstance(error, Conflict):
            pause, self._press_trouble = _CONFLICT_PAUSE, _ELSEWHERE
            # One line an episode: the other side says it at each poll.
            if failures == 1:
                logger.warning(_ELSEWHERE, extra={"error": str(error)})
        else:
            self._press_trouble = f"button presses cannot be read: {error}"
            logger.warning("button presses cannot be read", extra={"error": str(error), "pause_ms": pause})
        if isinstance(error, RetryAfter):
            pause = max(pause, retry_millis(error))
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
    return TelegramNotifier(bot, clock, options.poll_timeout, options.operations_chat)


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup([[InlineKeyboardButton(button.text, callback_data=button.data) for button in buttons]])


def _press(update: Update) -> ButtonPress | None:
    query = update.callback_query
    if query is None or query.message is None or query.data is None:
        return None
    return ButtonPress(query.id, str(query.message.chat.id), query.message.message_id, query.data)


async def _readable(request: Awaitable[_Answer]) -> _Answer:
    """The library stumbles over an answer that is JSON of another shape, as a proxy in between may give."""
    try:
        return await request
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise NetworkError(f"the answer cannot be read ({type(error).__name__})") from error


async def _answered(request: Awaitable[_Answer]) -> _Answer:
    try:
        return await _readable(request)
    except TelegramError as error:
        raise translated(error) from error


async def _unless(request: Awaitable[Any], harmless: str) -> None:
    """Make the request; an error 400 whose description begins with `harmless` is success."""
    try:
        await _readable(request)
    except BadRequest as error:
        if not description_of(error).startswith(harmless):
            raise translated(error) from error
        logger.debug("request changed nothing", extra={"error": str(error)})
    except TelegramError as error:
        raise translated(error) from error
