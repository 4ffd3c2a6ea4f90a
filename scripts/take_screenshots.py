"""Takes the pictures of docs/images from a running demo in headless Chromium, so that they stay true.

Run: python scripts/take_screenshots.py  (needs a ``chromium`` on the PATH; takes about two minutes)
"""

import asyncio
import base64
import itertools
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

IMAGES = Path(__file__).parents[1] / "docs" / "images"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Without these Chromium looks for its maker's servers at every start.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
FIRST_SIGNALS_SECONDS = 40  # of real time at 60 times: the first trades have ended by then
CHART_SECONDS = 6
PICTURES = (
    # name, width, height, colour scheme
    ("channel", 390, 1180, "light"),
    ("channel-dark", 390, 1180, "dark"),
    ("desktop", 1280, 900, "dark"),
)
PRESS_LAST_CHART = """
const buttons = [...document.querySelectorAll('button')].filter(b => b.textContent.includes('Chart'));
buttons[Math.max(0, buttons.length - 1)].click();
"""


class Tab:
    """One page of a browser, spoken to by the DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Result of a command."""
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(await self._socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    async def shoot(self, name: str, width: int, height: int, scheme: str) -> None:
        """Save the page as it is at this size."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1.5, mobile=width < 600
        )
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await asyncio.sleep(1)
        await self.call("Runtime.evaluate", expression="scrollTo(0, document.body.scrollHeight)")
        picture = await self.call("Page.captureScreenshot", format="png")
        (IMAGES / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))


async def line_with(stream: asyncio.StreamReader, pattern: str) -> str:
    """The first group of the pattern in the first line of a stream that has it."""
    async for line in stream:
        if found := re.search(pattern, line.decode()):
            return found.group(1)
    raise RuntimeError(f"the process ended without saying {pattern}")


async def take(folder: str) -> None:
    """Run the demo and the browser, press a chart button, save the pictures."""
    browser_path = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if browser_path is None:
        raise SystemExit(f"none of {', '.join(CHROMIUM)} is on the PATH")
    pipe = asyncio.subprocess.PIPE
    demo = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.cli.main", "demo", stderr=pipe)
    browser = await asyncio.create_subprocess_exec(
        browser_path, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0",
        f"--user-data-dir={folder}", *QUIET, "about:blank", stderr=pipe,
    )  # fmt: skip
    try:
        assert demo.stderr is not None
        assert browser.stderr is not None
        page_url = await line_with(demo.stderr, r"channel: (\S+)")
        endpoint = await line_with(browser.stderr, r"listening on (ws://\S+)")
        async with connect(endpoint, max_size=None) as root:
            target = await Tab(root).call("Target.createTarget", url=page_url)
        tab_url = re.sub(r"/devtools/.*", f"/devtools/page/{target['targetId']}", endpoint)
        async with connect(tab_url, max_size=None) as socket:
            tab = Tab(socket)
            await asyncio.sleep(FIRST_SIGNALS_SECONDS)
            await tab.call("Runtime.evaluate", expression=PRESS_LAST_CHART)
            await asyncio.sleep(CHART_SECONDS)
            for picture in PICTURES:
                await tab.shoot(*picture)
    finally:
        for process in (browser, demo):
            process.terminate()
            await process.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        asyncio.run(take(profile))
