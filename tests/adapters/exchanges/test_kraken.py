"""Kraken's adapter against a scripted venue on loopback: what is asked, what is passed on, what its errors become."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from pydantic import ValidationError

from shared.adapters.clock.manual import ManualClock
from shared.adapters.clock.system import SystemClock
from shared.adapters.exchanges.kraken import Options, create
from shared.domain.timeframe import Timeframe
from shared.errors import Refused, Unavailable
from tests.makers import MINUTE, START

FIVE = Timeframe.M5.millis
UNKNOWN = (200, {"error": ["EQuery:Unknown asset pair"]})


def listing(key="XBTUSDT", first=START, count=4):
    rows = [[(first + n * FIVE) // 1000, "10", "12", "9", "11", "10.5", "2.0", 3] for n in range(count)]
    return 200, {"error": [], "result": {key: rows, "last": 0}}


class FakeKraken:
    """Answers by pair, the last one repeated; keeps the queries."""

    def __init__(self, **answers):
        self.answers = {pair: list(given) for pair, given in answers.items()}
        self.queries = []
        self.at_once = self.most_at_once = 0

    @asynccontextmanager
    async def exchange(self, clock=None, **options):
        app = web.Application()
        app.router.add_get("/0/public/{what}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        made = create(Options(**{"rest_url": url, "pause": 0, "rest_timeout": 2.0} | options), clock or SystemClock())
        try:
            yield made
        finally:
            await made.close()
            await runner.cleanup()

    async def _answer(self, request):
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.queries.append(dict(request.query))
        await asyncio.sleep(0)
        known = self.answers[request.query.get("pair", request.match_info["what"])]
        status, body = known.pop(0) if len(known) > 1 else known[0]
        self.at_once -= 1
        return web.Response(status=status, text=body if isinstance(body, str) else json.dumps(body))


async def test_it_asks_from_the_candle_before_and_keeps_what_was_wanted():
    fake = FakeKraken(XBTUSDT=[listing()])
    async with fake.exchange() as exchange:
        found = await exchange.candles("BTCUSDT", Timeframe.M5, START + FIVE, START + 3 * FIVE)
    assert [candle.open_time for candle in found] == [START + FIVE, START + 2 * FIVE]
    assert fake.queries == [{"pair": "XBTUSDT", "interval": "5", "since": str(START // 1000)}]
    assert {(candle.exchange, candle.symbol) for candle in found} == {("kraken-spot", "BTCUSDT")}


async def test_a_pair_that_is_listed_against_dollars_only_is_found_there_and_remembered():
    fake = FakeKraken(SUIUSDT=[UNKNOWN], SUIUSD=[listing("SUIUSD")])
    async with fake.exchange() as exchange:
        for _ in range(2):
            found = await exchange.candles("SUIUSDT", Timeframe.M5, START, START + FIVE)
            assert [candle.symbol for candle in found] == ["SUIUSDT"]
    assert [query["pair"] for query in fake.queries] == ["SUIUSDT", "SUIUSD", "SUIUSD"]


@pytest.mark.parametrize(
    ("fallback", "words"),
    [(True, "Kraken lists no CROUSDT and no CROUSD for CROUSDT"), (False, "Kraken lists no CROUSDT for CROUSDT")],
)
async def test_a_pair_that_is_not_listed_is_refused_by_name(fallback, words):
    async with FakeKraken(CROUSDT=[UNKNOWN], CROUSD=[UNKNOWN]).exchange(usd_fallback=fallback) as exchange:
        with pytest.raises(Refused, match=words) as refusal:
            await exchange.candles("CROUSDT", Timeframe.M5, START, START + FIVE)
    assert refusal.value.reason == "not_found"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((200, {"error": ["EService:Busy"]}), Unavailable, "Kraken answered EService:Busy"),
        ((520, "<html>cloud</html>"), Unavailable, "Kraken's edge answered HTTP 520"),
        ((200, "<html>cloud</html>"), Unavailable, "answered with something else"),
        ((403, ""), Refused, "does not serve this address"),
        ((404, ""), Refused, "check the host in the settings"),
        ((200, {"error": ["EGeneral:Invalid arguments"]}), Refused, "Invalid arguments"),
    ],
)
async def test_what_goes_wrong_at_the_venue_has_a_name_here(answer, kind, words):
    async with FakeKraken(XBTUSDT=[answer]).exchange() as exchange:
        with pytest.raises(kind, match=words):
            await exchange.candles("BTCUSDT", Timeframe.M5, START, START + FIVE)


async def test_while_the_venue_bars_us_it_is_not_asked():
    clock = ManualClock(START)
    fake = FakeKraken(XBTUSDT=[(200, {"error": ["EAPI:Rate limit exceeded"]}), listing()])
    async with fake.exchange(clock) as exchange:
        for _ in range(2):
            with pytest.raises(Unavailable) as barred:
                await exchange.candles("BTCUSDT", Timeframe.M5, START, START + FIVE)
            assert barred.value.retry_after == 15_000
        assert len(fake.queries) == 1
        clock.advance_to(START + 15_000)
        assert len(await exchange.candles("BTCUSDT", Timeframe.M5, START, START + FIVE)) == 1


async def test_requests_follow_one_another_with_a_pause():
    clock = ManualClock(START)
    fake = FakeKraken(XBTUSDT=[listing()], ETHUSDT=[listing("ETHUSDT")])
    async with fake.exchange(clock, pause=1.0) as exchange, asyncio.TaskGroup() as group:
        asked = [
            group.create_task(exchange.candles(s, Timeframe.M5, START, START + FIVE)) for s in ("BTCUSDT", "ETHUSDT")
        ]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert len(fake.queries) == 1
        while not all(task.done() for task in asked):
            clock.advance_to(clock.now() + 500)
            await asyncio.sleep(0.001)
    assert len(fake.queries) == 2
    assert fake.most_at_once == 1
    assert clock.now() >= START + 1_000


async def test_nobody_at_the_address_is_an_outage():
    exchange = create(Options(rest_url="http://127.0.0.1:1", pause=0), SystemClock())
    with pytest.raises(Unavailable, match="cannot reach http"):
        await exchange.candles("BTCUSDT", Timeframe.M5, START, START + MINUTE)
    await exchange.close()


async def test_the_symbols_are_ours():
    pairs = {"XXBTZUSD": {"altname": "XBTUSD"}, "XDGUSDT": {"altname": "XDGUSDT", "status": "online"}}
    async with FakeKraken(AssetPairs=[(200, {"error": [], "result": pairs})]).exchange() as exchange:
        assert await exchange.symbols() == {"BTCUSD", "DOGEUSDT"}


@pytest.mark.parametrize("options", [{"category": "futures"}, {"rest_url": "api.kraken.com"}, {"pause": -1}])
def test_wrong_options_are_refused(options):
    with pytest.raises(ValidationError):
        Options(**options)
