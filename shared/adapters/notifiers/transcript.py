"""Texts, pictures and answers in, one line of JSON a call out: what a replay would have said to people."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict

from shared.engine import chart_button
from shared.errors import Refused
from shared.ports import Button, ButtonPress, Clock


class Options(BaseModel):
    """Where to write.

    Attributes:
        path: File the calls are written to; it is replaced.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    path: Path


class TranscriptNotifier:
    """`Notifier` that writes down and delivers to nobody. Message ids count up from 1 over all chats."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._messages: dict[tuple[str, int], str | None] = {}

    async def send(self, chat: str, text: str, buttons: Sequence[Button]) -> int:
        """See `Notifier.send`."""
        message_id = self._new_message(chat, _signal_id(buttons))
        self._write("send", chat, self._messages[chat, message_id], {"text": text}, message_id)
        return message_id

    async def edit(self, chat: str, message_id: int, text: str, buttons: Sequence[Button]) -> None:
        """See `Notifier.edit`."""
        known = (chat, message_id) in self._messages
        signal_id = _signal_id(buttons) or self._messages.get((chat, message_id))
        self._write("edit", chat, signal_id, {"text": text}, message_id if known else "not_found")
        if not known:
            raise Refused(f"message {message_id} was never sent to {chat}", "not_found")

    async def send_photo(self, chat: str, png: bytes, caption: str, reply_to: int | None) -> int:
        """See `Notifier.send_photo`."""
        signal_id = self._messages.get((chat, reply_to)) if reply_to is not None else None
        message_id = self._new_message(chat, signal_id)
        self._write("send_photo", chat, signal_id, {"text": caption, "picture_bytes": len(png)}, message_id)
        return message_id

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

    def _new_message(self, chat: str, signal_id: str | None) -> int:
        message_id = len(self._messages) + 1
        self._messages[chat, message_id] = signal_id
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
