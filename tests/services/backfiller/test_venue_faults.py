"""A venue that is rate limited, blocked, broken or slow: the backfiller waits as it was told, and then heals."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession

from services.backfiller.healing import SETTLE_MILLIS
from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.service import create as create_sandbox
from shared.adapters.clock.manual import ManualClock
from shared.adapters.exchanges.bybit import Options, create
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.runtime.service import HealthStatus
from tests.adapters.exchanges.fake_bybit import CLOUDFRONT, FakeBybit
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL
from tests.services.backfiller.parts import NOW, World, broken
from tests.services.backfiller.test_service import MINE, backfiller, running


def answer_to(now: int) -> str:
    """What the venue answers when everything until `now` is asked for."""
    rows = [[str(open_time), "7", "7", "7", "7", "1", "7"] for open_time in range(START, now, MINUTE)]
    return json.dumps({"retCode": 0, "result": {"symbol": SYMBOL, "list": rows[::-1]}})


GOOD = (200, answer_to(NOW))


@asynccontextmanager
async def venue_at(url: str, clock: ManualClock, **options):
    """The real adapter in front of a venue; the world has no other."""
    history = create(Options(rest_url=url, **options), clock)
    world = World(clock)
    world.history = history
    try:
        yield world
    finally:
        await history.close()


async def seconds_until(world: World, condition, most: int = 1_200) -> int:
    """Let market time pass, a second at a time, giving the wire real time; returns the seconds that passed."""
    for seconds in range(most):
        for _ in range(40):
            if condition():
                return seconds
            await asyncio.sleep(0)
        world.clock.advance_to(world.clock.now() + 1_000)
    raise AssertionError("it never happened")


@pytest.mark.parametrize(
    ("answer", "least_pause", "words"),
    [
        ((200, '{"retCode":10006,"retMsg":"Too many visits!"}'), 5, "Too many visits"),
        ((403, '{"retCode":10006,"retMsg":"access too frequent"}'), 600, "barred for 10 minutes"),
        ((429, ""), 5, "HTTP 429"),
        ((503, "<html>maintenance</html>"), 1, "HTTP 503"),
        ((200, '{"retCode":10016,"retMsg":"Server error."}'), 1, "10016"),
        ((200, '{"retCode":0,"result":{"symbol":"BTCUSDT","list":[["x"]]}}'), 1, "something else"),
    ],
    ids=["10006", "403-rate", "429", "503", "10016", "damaged"],
)
async def test_after_one_refusal_it_is_quiet_as_long_as_it_must_be(answer, least_pause, words):
    async with (
        FakeBybit(rest={"kline": [answer, GOOD]}).serve() as fake,
        venue_at(fake.rest_url, ManualClock(NOW + 30_000)) as world,
        running(backfiller(world, audit_every=0)) as made,
    ):
        await seconds_until(world, lambda: words in made.health().detail)
        assert made.health().status is HealthStatus.DEGRADED
        assert len(fake.queries) == 1
        passed = await seconds_until(world, lambda: len(fake.queries) == 2)
        assert passed >= least_pause
        await seconds_until(world, lambda: made.health().status is HealthStatus.OK)
    assert set(range(50, 100)) == set(await world.stored())


class _HangsOnce(FakeBybit):
    """The first request gets no answer."""

    async def _rest(self, request):
        if not self.queries:
            self.queries.append({})
            await asyncio.Event().wait()
        return await super()._rest(request)


async def test_an_answer_that_never_comes_is_given_up_and_asked_for_again():
    async with (
        _HangsOnce(rest={"kline": [GOOD]}).serve() as fake,
        venue_at(fake.rest_url, ManualClock(NOW + 30_000), rest_timeout=0.05) as world,
        running(backfiller(world, audit_every=0)) as made,
    ):
        await seconds_until(world, lambda: "no answer within 0.05 s" in made.health().detail)
        await seconds_until(world, lambda: made.health().status is HealthStatus.OK)


async def test_a_long_outage_is_asked_after_at_most_once_a_minute_however_many_minutes_wait():
    async with (
        FakeBybit(rest={"kline": [(502, "")]}).serve() as fake,
        venue_at(fake.rest_url, ManualClock(NOW + 30_000)) as world,
        running(backfiller(world)) as made,
    ):
        await seconds_until(world, lambda: made.health().status is HealthStatus.DEGRADED)
        await world.tell(*(broken(minute) for minute in range(60, 100)))
        await seconds_until(world, lambda: world.clock.now() > NOW + 10 * MINUTE)
        fake.queries.clear()
        await seconds_until(world, lambda: world.clock.now() > NOW + 20 * MINUTE)
        assert made.health().facts["waiting"] == 40
        assert len(fake.queries) <= 2 * 10 + 2, "one question of the sweep and one of the healing a minute"


async def test_a_blocked_region_keeps_no_message_and_heals_when_the_block_ends():
    async with (
        FakeBybit(rest={"kline": [GOOD]}).serve() as fake,
        venue_at(fake.rest_url, ManualClock(NOW + 30_000)) as world,
        running(backfiller(world, audit_every=0)) as made,
    ):
        await world.listen()
        await seconds_until(world, lambda: made.health().status is HealthStatus.OK)
        await seconds_until(world, lambda: world.clock.now() > NOW + 2 * MINUTE + SETTLE_MILLIS)
        fake.rest["kline"] = [(403, CLOUDFRONT)]
        await world.tell(broken(100), broken(101))
        await seconds_until(world, lambda: "asia-southeast1" in made.health().detail)
        assert (made.health().facts["waiting"], world.left(MINE)) == (0, 0)
        fake.rest["kline"] = [(200, answer_to(NOW + 300 * MINUTE))]
        await seconds_until(world, lambda: world.left() >= 2 + 2)  # both were told as incomplete, and as healed
        assert made.health().status is HealthStatus.OK
        stored = await world.stored()
        assert stored[100].complete
        assert stored[101].complete


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("region", "HTTP 403: the exchange does not serve this region"),
        ("rate", "HTTP 403: this address asked too often"),
        ("unavailable_for_legal_reasons", "HTTP 451: the exchange does not serve this region"),
    ],
)
async def test_every_refusal_of_the_sandbox_is_told_and_ends_with_it(kind, words):
    clock = ManualClock(START)
    market = GeneratedMarket(seed=7, start=START, history=120)
    sandbox = create_sandbox(clock=clock, market=market, token="1:sandbox", chat="@signals")
    async with running(sandbox):
        addresses = await sandbox.started()
        async with venue_at(addresses.rest_url, clock) as world, ClientSession() as http:
            faults = {"rest_refuse": {"value": kind, "times": 1}}
            async with http.post(f"{addresses.rest_url}/sandbox/faults", json=faults) as answer:
                assert answer.status == 200
            async with running(backfiller(world, audit_every=0)) as made:
                await seconds_until(world, lambda: made.health().status is HealthStatus.DEGRADED)
                assert words in made.health().detail
                await seconds_until(world, lambda: made.health().status is HealthStatus.OK)
                assert len(await world.store.read(Instrument(EXCHANGE, SYMBOL), Timeframe.M1, 0, START)) == 50
