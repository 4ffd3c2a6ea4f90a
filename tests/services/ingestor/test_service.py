"""The ingestor as its host sees it: it starts without neighbours, says how it is, and stops without loss."""

import asyncio
import logging
from contextlib import asynccontextmanager, suppress

import pytest

from services.ingestor import service
from shared.adapters.clock.system import SystemClock
from shared.domain.feed import FeedDisconnected, FeedIgnored
from shared.errors import ConfigurationError, Refused, Unavailable
from shared.runtime import metrics
from shared.runtime.sections import IngestorSection
from shared.runtime.service import HealthStatus
from tests.makers import EXCHANGE, START
from tests.services.ingestor.parts import SYMBOLS, FlakyBus, ScriptedFeed, connected, eventually, trades


class Listing:
    """The venue's list of symbols: answers in turn, the last one repeated; errors are raised."""

    exchange = EXCHANGE

    def __init__(self, *answers) -> None:
        self.answers = list(answers)

    async def symbols(self):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return frozenset(answer)


def ingestor(feed, bus, history=None, symbols=SYMBOLS, **options):
    defaults = IngestorSection(pack_millis=5).model_dump()
    return service.create(
        feed=feed, history=history, bus=bus, clock=SystemClock(), symbols=symbols, run_prefix="p", **defaults | options
    )


@asynccontextmanager
async def running(made):
    task = asyncio.create_task(made.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_trades_become_packs_and_health_follows_the_data():
    feed, bus = ScriptedFeed(), FlakyBus()
    made = ingestor(feed, bus)
    assert made.name == "ingestor"
    assert made.health().status is HealthStatus.STARTING
    async with running(made):
        feed.say(connected(), trades(START + 1, START + 2))
        await bus.until(2)
        assert (made.health().status, made.health().detail) == (HealthStatus.OK, "")
        feed.say(FeedDisconnected("cannot reach ws://x (connection refused); trying again in 4 s"))
        feed.say(connected(START + 10), trades(START + 11))
        packs = await bus.until(3)
    assert [pack.run_id for pack in packs if pack.trades][-1] == "p-2"
    facts = made.health().facts
    assert (facts["trades"], facts["runs"], facts["symbols"], facts["waiting"]) == (3, 2, 2, 0)


async def test_a_dead_venue_is_degraded_with_the_reason():
    feed = ScriptedFeed()
    made = ingestor(feed, FlakyBus())
    async with running(made):
        feed.say(FeedDisconnected("cannot reach ws://x"))
        await eventually(lambda: made.health().status is not HealthStatus.STARTING)
        assert made.health().status is HealthStatus.DEGRADED
        assert made.health().detail == "cannot reach ws://x"


async def test_a_bus_that_is_away_is_degraded_although_data_flows_in():
    feed, bus = ScriptedFeed(), FlakyBus()
    made = ingestor(feed, bus)
    bus.away = True
    async with running(made), asyncio.timeout(5):
        feed.say(connected(), trades(START + 1))
        await bus.refused.wait()
        assert made.health().status is HealthStatus.DEGRADED
        assert "the bus is down" in made.health().detail
        bus.away = False
        await bus.until(1)
        assert made.health().status is HealthStatus.OK


async def test_consumers_that_do_not_keep_up_are_seen_in_health(monkeypatch):
    monkeypatch.setattr(service, "_STALLED", 0.01)
    feed, bus = ScriptedFeed(), FlakyBus()
    bus.held = asyncio.Event()
    made = ingestor(feed, bus)
    async with running(made):
        feed.say(connected(), trades(START + 1))
        await eventually(lambda: "consumers are too far behind" in made.health().detail)
        assert made.health().status is HealthStatus.DEGRADED
        bus.held.set()
        await bus.until(1)
        assert made.health().status is HealthStatus.OK


async def test_unknown_symbols_are_left_out_with_one_clear_warning_and_the_rest_runs(caplog):
    feed, bus = ScriptedFeed(), FlakyBus()
    made = ingestor(feed, bus, Listing({"BTCUSDT", "ETHUSDT"}), symbols=["BTCUSDT", "ETHUSD", "BTCUSDT"])
    async with running(made):
        feed.say(connected(symbols=("BTCUSDT",)), trades(START + 1))
        await bus.until(1)
        assert feed.asked == ("BTCUSDT",)
        assert made.health().status is HealthStatus.OK
        assert made.health().detail == f"not traded on {EXCHANGE} and left out: ETHUSD (close: ETHUSDT, BTCUSDT)"
    warnings = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["unknown symbols"]


async def test_without_any_known_symbol_the_operator_must_act():
    made = ingestor(ScriptedFeed(), FlakyBus(), Listing({"BTCUSDT"}), symbols=["BTC-USD"])
    with pytest.raises(ConfigurationError, match="BTC-USD"):
        await made.run()


@pytest.mark.parametrize("error", [Unavailable("away"), Refused("region", "region")])
async def test_a_venue_that_does_not_list_its_symbols_keeps_no_trades_away(error, monkeypatch):
    monkeypatch.setattr(service, "_CHECK_AGAIN", 0)
    feed, bus = ScriptedFeed(), FlakyBus()
    made = ingestor(feed, bus, Listing(error, error, {"BTCUSDT"}))
    async with running(made), asyncio.timeout(5):
        feed.say(connected(symbols=("BTCUSDT",), refused={"ETHUSDT": "handler not found"}), trades(START + 1))
        await bus.until(1)
        assert feed.asked == SYMBOLS
        await eventually(lambda: "left out: ETHUSDT" in made.health().detail)
        assert "refused by the venue" not in made.health().detail
        assert made.health().facts["symbols"] == 1


async def test_symbols_the_venue_refuses_are_seen_in_health():
    feed, bus = ScriptedFeed(), FlakyBus()
    made = ingestor(feed, bus)
    async with running(made):
        feed.say(connected(symbols=("BTCUSDT",), refused={"ETHUSDT": "handler not found"}), trades(START + 1))
        await bus.until(1)
        assert made.health().detail == "ETHUSDT refused by the venue: handler not found"


@pytest.mark.parametrize(("block", "rpi", "kept"), [(False, True, 2), (True, True, 3), (False, False, 1)])
async def test_block_and_rpi_trades_count_as_the_settings_say(block, rpi, kept):
    feed, bus = ScriptedFeed(), FlakyBus()
    async with running(ingestor(feed, bus, include_block_trades=block, include_rpi=rpi)):
        feed.say(connected(), trades(START + 1, is_block=True), trades(START + 2, is_rpi=True), trades(START + 3))
        packs = await bus.until(kept)
    assert sum(len(pack.trades) for pack in packs) == kept


async def test_what_is_in_hand_is_published_when_the_service_is_cancelled():
    feed, bus = ScriptedFeed(), FlakyBus()
    made = ingestor(feed, bus, pack_millis=60_000)
    async with running(made):
        feed.say(connected(), trades(START + 1))
        await eventually(lambda: made.health().facts["trades"] == 1)
    assert [trade.event_time for pack in bus.packs for trade in pack.trades] == [START + 1]


async def test_frames_without_trades_are_counted_by_reason_and_make_no_pack():
    feed, bus = ScriptedFeed(), FlakyBus()
    made = ingestor(feed, bus)
    counter = metrics.FRAMES_IGNORED.labels(EXCHANGE, "orderbook")
    before = counter._value.get()
    async with running(made):
        feed.say(connected(), FeedIgnored("orderbook"), FeedIgnored("orderbook"), FeedIgnored("refused"))
        await eventually(lambda: made.health().facts["frames_ignored"] == 3)
        assert counter._value.get() == before + 2
        assert all(pack.trades == () for pack in bus.packs)


class BehindVenue:
    """A venue whose clock is 10 s behind the machine's."""

    async def venue_time(self):
        return SystemClock().now() - 10_000


async def test_a_local_clock_that_is_wrong_is_seen_in_health_although_candles_do_not_care():
    feed, bus = ScriptedFeed(), FlakyBus()
    made = ingestor(feed, bus, venue_clock=BehindVenue())
    async with running(made):
        feed.say(connected())
        await eventually(lambda: made.health().status is HealthStatus.DEGRADED)
        assert made.health().detail.startswith("this machine's clock is 10.0 s ahead of the venue's: synchronise it")
        assert made.health().facts["clock_offset_ms"] == pytest.approx(10_000, abs=100)
        feed.say(FeedDisconnected("cannot reach ws://x"))
        await eventually(lambda: made.health().detail == "cannot reach ws://x")
