"""The sandbox channel's address in, button presses out: a reader who wants to see the charts of the first signals."""

import asyncio
import json
from typing import Any, Self

import aiohttp

_CHART = "Chart"
_RETRY_SECONDS = 0.2


class Reader:
    """Watches the channel's page as a browser does, and presses the chart button of the first `presses` signals.

    Args:
        page_url: Address of the channel page.
        presses: How many charts the reader wants.
    """

    def __init__(self, page_url: str, presses: int) -> None:
        self._pressed = 0
        self._presses = presses
        self._seen: set[int] = set()
        self._session = aiohttp.ClientSession(page_url, timeout=aiohttp.ClientTimeout(total=None))
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read(), name="reader")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._session.close()

    async def counters(self) -> dict[str, int]:
        """What has passed in the sandbox: ``trades, messages, edits, pictures``."""
        async with self._session.get("/sandbox/counters") as answer:
            counters: dict[str, int] = await answer.json()
            return counters

    async def missing(self) -> str:
        """What was asked for and has not been shown yet; empty when nothing is."""
        undrawn = self._pressed - (await self.counters())["pictures"]
        return f"{undrawn} charts are not drawn" if undrawn > 0 else ""

    async def _read(self) -> None:
        while self._pressed < self._presses:
            try:
                await self._follow()
            except aiohttp.ClientError:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        async with self._session.get("/sandbox/events") as events:
            async for line in events.content:
                if line.startswith(b"data: "):
                    news = json.loads(line.removeprefix(b"data: "))
                    for message in [*news.get("messages", ()), *([news["message"]] if "message" in news else ())]:
                        await self._maybe_press(message)
                if self._pressed >= self._presses:
                    return

    async def _maybe_press(self, message: dict[str, Any]) -> None:
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        data = next((button["callback_data"] for row in rows for button in row if _CHART in button["text"]), None)
        if data is None or message["message_id"] in self._seen or self._pressed >= self._presses:
            return
        self._seen.add(message["message_id"])
        press = {"message_id": message["message_id"], "data": data}
        async with self._session.post("/sandbox/press", json=press) as answer:
            self._pressed += answer.ok
