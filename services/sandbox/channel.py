"""One channel of the sandbox: posts and edits in, messages as the Bot API shows them out, and news to watchers.

It keeps what Telegram's servers keep, deleted messages too, and who is watching. Message ids ascend by one, channel by
channel. Times are seconds of market time, as messages carry them.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.ports import Clock

Message = dict[str, Any]
News = dict[str, Any]

_CHAT_IDS = -1_001_000_000_000
_WATCHER_BACKLOG = 1_000  # news; a page that is further behind begins anew


@dataclass(slots=True)
class Post:
    """A message and what became of it.

    Attributes:
        message: As it stands, or stood last.
        edits: How often it was changed.
        deleted: It does not stand any more.
        data: Data of all buttons it ever had, in their order.
    """

    message: Message
    edits: int = 0
    deleted: bool = False
    data: dict[str, None] = field(default_factory=dict)

    def show(self, message: Message) -> None:
        """The message now looks like this."""
        self.message = message
        self.data |= dict.fromkeys(button_data(message))


def button_data(message: Message) -> list[str]:
    """Data of the buttons a message has."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


class Channel:
    """A channel whose only author is the bot.

    Args:
        clock: Market time; messages carry it.
        chat: The channel's id (``-100...``) or its public name (``@signals``).
        title: Name shown.
        number: Of the channel, 1 for the first: makes the id of one that has only a name.
    """

    def __init__(self, clock: Clock, chat: str, title: str, number: int = 1) -> None:
        self._clock = clock
        self._names = {chat}
        self.name = chat
        self.chat: dict[str, Any] = {"id": _CHAT_IDS - number, "title": title, "type": "channel"}
        if chat.startswith("@"):
            self.chat["username"] = chat[1:]
            self._names.add(str(self.chat["id"]))
        else:
            self.chat["id"] = int(chat)
        self._posts: dict[int, Post] = {}
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
        return [post.message for post in self._posts.values() if not post.deleted]

    @property
    def posts(self) -> list[Post]:
        """Every message there ever was, oldest first."""
        return list(self._posts.values())

    def find(self, message_id: int) -> Message | None:
        """A message that stands."""
        post = self._posts.get(message_id)
        return None if post is None or post.deleted else post.message

    def post(self, content: Message) -> Message:
        """Add a message; `content` is all but its head."""
        message_id = len(self._posts) + 1
        head = {"message_id": message_id, "sender_chat": self.chat, "chat": self.chat, "date": self._seconds()}
        message = {**head, **content}
        post = self._posts[message_id] = Post(message)
        post.show(message)
        self.sent += 1
        self.photographed += "photo" in content
        self._tell({"event": "message", "message": message})
        return message

    def edit(self, message_id: int, changes: Message) -> Message:
        """Change a message that stands; a value of None takes its key away."""
        post = self._posts[message_id]
        merged = post.message | changes | {"edit_date": self._seconds()}
        message = {key: value for key, value in merged.items() if value is not None}
        post.show(message)
        post.edits += 1
        self.edited += 1
        self._tell({"event": "message", "message": message})
        return message

    def delete(self, message_id: int) -> None:
        """Remove a message that stands."""
        self._posts[message_id].deleted = True
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
