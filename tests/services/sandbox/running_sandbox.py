"""A clock that stands and a market in, a sandbox that listens on this machine out, with a client to ask it."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp

from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.service import create
from shared.adapters.clock.manual import ManualClock
from tests.makers import START

TOKEN = "1:sandbox"
CHAT = "@signals"


class Sandbox:
    """A running sandbox with an ordinary HTTP client."""

    def __init__(self, service, clock, market, addresses, http):
        self.service, self.clock, self.market, self.at, self.http = service, clock, market, addresses, http

    async def get(self, path, **query):
        async with self.http.get(self.at.rest_url + path, params=query) as response:
            return await response.json()

    async def call(self, method, token=TOKEN, **parameters):
        """A call as bots make it: a form, with JSON where the value is no text."""
        form = aiohttp.FormData()
        for name, value in parameters.items():
            if isinstance(value, bytes):
                form.add_field(name, value, filename=f"{name}.png")
            else:
                form.add_field(name, value if isinstance(value, str) else json.dumps(value))
        async with self.http.post(f"{self.at.telegram_base_url}{token}/{method}", data=form) as response:
            body = await response.json()
            assert body["ok"] is (response.status == 200)
            return body["result"] if body["ok"] else {"status": response.status, **body}

    async def fault(self, **changes):
        async with self.http.post(self.at.rest_url + "/sandbox/faults", json=changes) as response:
            return response.status, await response.json()

    async def sleeper_until(self, time):
        """Wait until something in the sandbox waits for this market time."""
        while time not in [sleeper[0] for sleeper in self.clock._sleepers]:  # noqa: ASYNC110 -- a clock tells nobody
            await asyncio.sleep(0)

    def connect(self, category="linear"):
        return self.http.ws_connect(f"{self.at.ws_url}/v5/public/{category}")


@asynccontextmanager
async def running(market=None, **options):
    clock = ManualClock(START)
    market = market or GeneratedMarket(seed=7, start=START, history=120)
    service = create(clock=clock, market=market, token=TOKEN, chat=CHAT, **options)
    task = asyncio.create_task(service.run())
    try:
        addresses = await service.started()
        async with aiohttp.ClientSession() as http:
            yield Sandbox(service, clock, market, addresses, http)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
