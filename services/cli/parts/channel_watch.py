"""The sandbox's channel page in, what it has shown of each signal out: every post counts, also one changed later."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from services.cli.parts.channel_page import ChannelPage, button_of
from services.cli.parts.verdict import Shown
from shared.engine import chart_button

_MARK = "possible repeat"
_EXIT = "\nExit: "


@dataclass(slots=True)
class _Post:
    """One message: the data of its chart button, whether it was marked when it came, and whether it shows an exit."""

    data: str
    marked: bool
    ended: bool


class ChannelWatch:
    """Follows the channel as a browser does.

    Args:
        page_url: Address of the channel page.
    """

    def __init__(self, page_url: str) -> None:
        self._posts: dict[int, _Post] = {}
        self._page = ChannelPage(page_url, self.take)

    async def __aenter__(self) -> Self:
        self._page.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._page.close()

    def shown(self, signal_ids: Iterable[str]) -> dict[str, Shown]:
        """What the channel shows, by signal id; messages about unknown signals are named by their button."""
        known = list(signal_ids)
        posts: dict[str, list[_Post]] = {}
        for post in self._posts.values():
            name = chart_button.id_in(post.data) or next(
                (each for each in known if chart_button.matches(post.data, each)), post.data
            )
            posts.setdefault(name, []).append(post)
        return {
            name: Shown(len(found), sum(post.marked for post in found), any(post.ended for post in found))
            for name, found in posts.items()
        }

    async def set_fault(self, name: str, setting: Mapping[str, Any]) -> None:
        """Switch a fault of the sandbox on.

        Raises:
            Unavailable: The sandbox does not take it; says why.
        """
        await self._page.post("/sandbox/faults", {name: dict(setting)})

    async def take(self, message: Mapping[str, Any]) -> None:
        """Note a message as it stands now; pictures and other messages without a chart button are none of ours."""
        if "deleted" in message:
            self._posts.pop(message["message_id"], None)
            return
        data, text = button_of(message), message.get("text")
        if data is None or text is None:
            return
        post = self._posts.setdefault(message["message_id"], _Post(data, _MARK in text, ended=False))
        post.ended |= _EXIT in text
