"""The sandbox's channel page in, what it has shown of each signal out: every post counts, also one changed later."""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from services.cli.parts.verdict import Shown
from shared.engine import chart_button
from shared.errors import Unavailable

_RETRY_SECONDS = 0.2
_MARK = "possible repeat"
_EXIT = "\nExit: "
_LONGEST_LINE = 64 * 1024 * 1024  # the first event of the page holds the whole channel


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
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(page_url, timeout=timeout, read_bufsize=_LONGEST_LINE)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow_forever(), name="channel watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._session.close()

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
        try:
            async with self._session.post("/sandbox/faults", json={name: dict(setting)}) as answer:
                if not answer.ok:
                    raise Unavailable(f"the sandbox refuses the fault {name}: {await answer.text()}")
        except aiohttp.ClientError as error:
            raise Unavailable(f"the sandbox does not answer ({error}); see its log") from None

    def take(self, message: Mapping[str, Any]) -> None:
        """Note a message as it stands now; pictures and other messages without a chart button are none of ours."""
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        data = next((button["callback_data"] for row in rows for button in row if "callback_data" in button), None)
        text = message.get("text")
        if data is None or text is None:
            return
        post = self._posts.setdefault(message["message_id"], _Post(data, _MARK in text, ended=False))
        post.ended |= _EXIT in text

    async def _follow_forever(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                await self._follow()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        async with self._session.get("/sandbox/events") as events:
            async for line in events.content:
                if line.startswith(b"data: "):
                    news = json.loads(line.removeprefix(b"data: "))
                    for message in [*news.get("messages", ()), *([news["message"]] if "message" in news else ())]:
                        self.take(message)
                    if news["event"] == "delete":
                        self._posts.pop(news["message_id"], None)
