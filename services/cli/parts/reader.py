"""The sandbox channel's address in, button presses out: a reader who wants to see the charts of the first signals."""

import contextlib
from collections.abc import Mapping
from typing import Any, Self

from services.cli.parts.channel_page import ChannelPage, button_of
from shared.errors import Unavailable


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
        self._page = ChannelPage(page_url, self._maybe_press)

    async def __aenter__(self) -> Self:
        self._page.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._page.close()

    async def counters(self) -> dict[str, int]:
        """What has passed in the sandbox: ``trades, messages, edits, pictures``."""
        return await self._page.get("/sandbox/counters")

    async def missing(self) -> str:
        """What was asked for and has not been shown yet; empty when nothing is."""
        undrawn = self._pressed - (await self.counters())["pictures"]
        return f"{undrawn} charts are not drawn" if undrawn > 0 else ""

    async def _maybe_press(self, message: Mapping[str, Any]) -> None:
        data = button_of(message)
        if data is None or message["message_id"] in self._seen or self._pressed >= self._presses:
            return
        self._seen.add(message["message_id"])
        with contextlib.suppress(Unavailable):  # a reader whose press is not taken goes without the chart
            await self._page.post("/sandbox/press", {"message_id": message["message_id"], "data": data})
            self._pressed += 1
