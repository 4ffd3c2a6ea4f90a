"""The one channel of the sandbox: posts and edits in, messages as the Bot API shows them out, and news to watchers.

It keeps what Telegram's servers keep: messages by id, their pictures, and who is watching. Times are seconds of market
time, as messages carry them.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from services.sandbox.picture import Picture
from shared.ports import Clock

Message = dict[str, Any]
News = dict[str, Any]

_FIRST_CHAT_ID = -1_001_000_000_001
_WATCHER_BACKLOG = 1_000  # news; a page that is further behind begins anew


class Channel:
    """A channel whose only author is the bot.

    Args:
        clock: Market time; messages carry it.
        chat: The channel's id (``-100...``) or its public name (``@signals``).
        title: Name shown.
    """

    def __init__(self, clock: Clock, chat: str, title: str) -> None:
        self._clock = clock
        self._names = {chat}
        self.chat: dict[str, Any] = {"id": _FIRST_CHAT_ID, "title": title, "type": "channel"}
        if chat.startswith("@"):
            self.chat["username"] = chat[1:]
            self._names.add(str(_FIRST_CHAT_ID))
        else:
            self.chat["id"] = int(chat)
        self._messages: dict[int, Message] = {}
        self._pictures: dict[str, Picture] = {}
        self._last_id = 0
        self._watchers: set[asyncio.Queue[News | None]] = set()
        self.sent = 0
        self.edited = 0
        self.photographed = 0

    def is_called(self, name: str) -> bool:
        """Whether `name` is this channel."""
        return name in self._names

    @property
    def messages(self) -> list[Message]:
        """All messages that stand, oldest first."""
        return list(self._messages.values())

    def find(self, message_id: int) -> Message | None:
        """A message that stands."""
        return self._messages.get(message_id)

    def picture(self, file_id: str) -> Picture | None:
        """An uploaded picture."""
        return self._pictures.get(file_id)

    def keep(self, picture: Picture) -> list[dict[str, Any]]:
        """Store a picture; returns the ``photo`` of a message: its sizes, of which there is one."""
        file_id = f"photo-{len(self._pictures) + 1}"
        self._pictures[file_id] = picture
        return self.sizes(file_id)

    def sizes(self, file_id: str) -> list[dict[str, Any]]:
        """The ``photo`` of a message that shows a stored picture."""
        picture = self._pictures[file_id]
        size = {"width": picture.width, "height": picture.height, "file_size": len(picture.data)}
        return [{"file_id": file_id, "file_unique_id": f"unique-{file_id}", **size}]

    def post(self, content: Message) -> Message:
        """Add a message; `content` is all but its head."""
        self._last_id += 1
        head = {"message_id": self._last_id, "sender_chat": self.chat, "chat": self.chat, "date": self._seconds()}
        message = {**head, **content}
        self._messages[self._last_id] = message
        self.sent += 1
        self.photographed += "photo" in content
        self._tell({"event": "message", "message": message})
        return message

    def edit(self, message_id: int, changes: Message) -> Message:
        """Change a message that stands; a value of None takes its key away."""
        merged = self._messages[message_id] | changes | {"edit_date": self._seconds()}
        message = {key: value for key, value in merged.items() if value is not None}
        self._messages[message_id] = message
        self.edited += 1
        self._tell({"event": "message", "message": message})
        return message

    def delete(self, message_id: int) -> None:
        """Remove a message that stands."""
        del self._messages[message_id]
        self._tell({"event": "delete", "message_id": message_id})

    def answer(self, query_id: str, text: str, show_alert: bool) -> None:
        """Tell watchers the bot's answer to a button press."""
        self._tell({"event": "answer", "id": query_id, "text": text, "show_alert": show_alert})

    @contextmanager
    def watch(self) -> Iterator[asyncio.Queue[News | None]]:
        """A queue of news from now on; None in it says that the watcher is too slow and must begin anew."""
        queue: asyncio.Queue[News | None] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    def _tell(self, news: News) -> None:
        for queue in list(self._watchers):
            if queue.qsize() >= _WATCHER_BACKLOG:
                self._watchers.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(news)

    def _seconds(self) -> int:
        return self._clock.now() // 1000
