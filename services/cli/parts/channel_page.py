"""The sandbox's channel page in, every message it shows out, as a browser would have them; survives the sandbox."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from shared.errors import Unavailable

Take = Callable[[Mapping[str, Any]], Awaitable[None]]
"""What is done with a message as it stands now; a deleted one comes as ``{"message_id": ..., "deleted": true}``."""

_RETRY_SECONDS = 0.2
_LONGEST_LINE = 64 * 1024 * 1024  # the first event of the page holds the whole channel


class ChannelPage:
    """Follows the page's events from `open` to `close`, and asks it.

    Args:
        page_url: Address of the channel page.
        take: Called with each message, in the order of the events.
    """

    def __init__(self, page_url: str, take: Take) -> None:
        self._take = take
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(page_url, timeout=timeout, read_bufsize=_LONGEST_LINE)
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow_forever(), name="channel page")

    async def close(self) -> None:
        """Let go of the page."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._session.close()

    async def get(self, path: str) -> dict[str, Any]:
        """The JSON object at a path of the sandbox."""
        async with self._session.get(path) as answer:
            document: dict[str, Any] = await answer.json()
            return document

    async def post(self, path: str, body: Mapping[str, Any]) -> None:
        """Post a JSON object.

        Raises:
            Unavailable: The sandbox does not answer, or does not take it; says why.
        """
        try:
            async with self._session.post(path, json=dict(body)) as answer:
                if not answer.ok:
                    raise Unavailable(f"the sandbox refuses {json.dumps(body)}: {await answer.text()}")
        except aiohttp.ClientError as error:
            raise Unavailable(f"the sandbox does not answer ({error}); see its log") from None

    async def _follow_forever(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                await self._follow()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        async with self._session.get("/sandbox/events") as events:
            async for line in events.content:
                if line.startswith(b"data: "):
                    await self._tell(json.loads(line.removeprefix(b"data: ")))

    async def _tell(self, news: Mapping[str, Any]) -> None:
        for message in [*news.get("messages", ()), *([news["message"]] if "message" in news else ())]:
            await self._take(message)
        if news["event"] == "delete":
            await self._take({"message_id": news["message_id"], "deleted": True})


def button_of(message: Mapping[str, Any]) -> str | None:
    """Data of the message's first button that comes back when it is pressed, or None."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return next((button["callback_data"] for row in rows for button in row if "callback_data" in button), None)
