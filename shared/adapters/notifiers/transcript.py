"""Texts, pictures and answers in, one line of JSON a call out: what a replay would have said to people."""

import html
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict

from shared.engine import chart_button, message_text
from shared.errors import Refused
from shared.ports import Button, ButtonPress, Clock


class Options(BaseModel):
    """Where to write.

    Attributes:
        path: File the calls are written to; it is replaced.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    path: Path


@dataclass(slots=True)
class _Message:
    """What a chat would show: the text (Telegram HTML), and the signal it is about, if any."""

    text: str
    signal_id: str | None


class TranscriptNotifier:
    """`Notifier` that writes down and delivers to nobody. Message ids count up from 1 over all chats."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._messages: dict[tuple[str, int], _Message] = {}

    async def send(self, chat: str, text: str, buttons: Sequence[Button]) -> int:
        """See `Notifier.send`."""
        message = _Message(text, _signal_id(buttons))
        message_id = self._keep(chat, message)
        self._write("send", chat, message.signal_id, {"text": text}, message_id)
        return message_id

    async def edit(self, chat: str, message_id: int, text: str, buttons: Sequence[Button]) -> None:
        """See `Notifier.edit`."""
        message = self._messages.get((chat, message_id))
        signal_id = _signal_id(buttons) or (message.signal_id if message else None)
        self._write("edit", chat, signal_id, {"text": text}, message_id if message else "not_found")
        if message is None:
            raise Refused(f"message {message_id} was never sent to {chat}", "not_found")
        message.text = text

    async def send_photo(self, chat: str, png: bytes, caption: str, reply_to: int | None) -> int:
        """See `Notifier.send_photo`."""
        original = self._messages.get((chat, reply_to)) if reply_to is not None else None
        message = _Message(caption, original.signal_id if original else None)
        message_id = self._keep(chat, message)
        self._write("send_photo", chat, message.signal_id, {"text": caption, "picture_bytes": len(png)}, message_id)
        return message_id

    @property
    def can_peek(self) -> bool:
        """See `Notifier.can_peek`; what was written is known."""
        return True

    async def peek(self, chat: str, message_id: int) -> str | None:
        """See `Notifier.peek`. It says nothing to people, so it leaves no line."""
        message = self._messages.get((chat, message_id))
        return None if message is None else html.unescape(message_text.plain(message.text))

    async def answer(self, press_id: str, text: str) -> None:
        """See `Notifier.answer`."""
        del press_id
        self._write("answer", None, None, {"text": text}, "ok")

    async def presses(self) -> AsyncIterator[ButtonPress]:
        """See `Notifier.presses`; nobody reads a transcript, so nobody presses."""
        nobody: tuple[ButtonPress, ...] = ()
        for press in nobody:
            yield press

    async def close(self) -> None:
        """See `Notifier.close`."""
        self._file.close()

    def _keep(self, chat: str, message: _Message) -> int:
        message_id = len(self._messages) + 1
        self._messages[chat, message_id] = message
        return message_id

    def _write(
        self, method: str, chat: str | None, signal_id: str | None, content: dict[str, Any], result: int | str
    ) -> None:
        call = {"method": method, "chat": chat, "signal_id": signal_id, **content, "result": result}
        self._file.write(json.dumps(call, ensure_ascii=False) + "\n")
        # A replay that is interrupted leaves whole lines behind.
        self._file.flush()


def create(options: Options, clock: Clock) -> TranscriptNotifier:
    """A notifier that writes to `options.path`."""
    del clock
    options.path.parent.mkdir(parents=True, exist_ok=True)
    return TranscriptNotifier(options.path.open("w", encoding="utf-8", newline="\n"))


def _signal_id(buttons: Sequence[Button]) -> str | None:
    return next((found for button in buttons if (found := chart_button.id_in(button.data))), None)
