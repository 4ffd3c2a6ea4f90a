import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from services.logic_engine.service import create
from shared.adapters.bus.memory import Backlog, MemoryBus
from shared.adapters.bus.memory import Options as BusOptions
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores.memory import MemoryStore
from shared.domain.book import BookKey
from shared.domain.candle import CandleSource
from shared.domain.signal import SignalKind
from shared.domain.timeframe import Timeframe
from shared.engine.bias_gate import GateLimits
from shared.engine.entry_check import EntryPolicy
from shared.errors import ConfigurationError, InvariantViolation
from shared.messages.catalog import CANDLES, MACRO_BIAS, NOTICES, SIGNALS, subscription
from shared.messages.codec import decode, encode
from shared.ports import Message
from shared.runtime.rejections import MOST
from shared.runtime.service import HealthStatus
from tests.engine.macro_markets import make_bias
from tests.makers import EXCHANGE, MINUTE, START, make_candle, make_signal
from tests.services.logic_engine.failing import Failing
from tests.strategies.markets import walk

MARKET = walk(5, 900)
WAKE = subscription(CANDLES, "logic_engine")
BIASES = subscription(MACRO_BIAS, "logic_engine")
LOOSE = {"oversold": 40, "overbought": 60, "volume_factor": 0.5, "take_profit_pct": 0.4, "stop_loss_pct": 0.3}
LIVE = 600  # the number of candles that are history


class Platform:
    """The service in a world of memory that a test moves forward."""

    def __init__(self, **settings):
        self.clock = ManualClock(MARKET[LIVE - 1].close_time)
        self.store = Failing(MemoryStore())
        self.bus = MemoryBus(BusOptions())
        defaults = {"symbols": ["BTCUSDT"], "strategies": {"rsi_threshold": LOOSE}, "live_from": None}
        self.settings = defaults | {"stale_after": 3 * MINUTE} | settings
        self.service = self.new_service()

    def new_service(self):
        return create(
            bus=self.bus,
            store=self.store,
            ledger=self.store,
            documents=self.store,
            clock=self.clock,
            exchange=EXCHANGE,
            timeframe=Timeframe.M1,
            interval=15_000,
            hole_patience=3,
            **self.settings,
        )

    @asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.service.run())
        await self.settle()
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def settle(self):
        """Let the service do all it can do without time passing."""
        for _ in range(60):
            await asyncio.sleep(0)

    async def tell(self, candle):
        message_id = f"{candle.open_time}/{candle.revision}"
        await self.bus.publish(CANDLES.topic, [encode(CANDLES, candle, message_id=message_id)])
        await self.settle()

    async def pass_to(self, time):
        self.clock.advance_to(time)
        await self.settle()

    async def evaluated_to(self):
        key = BookKey("rsi_threshold", EXCHANGE, "BTCUSDT")
        books = await self.store.load_books([key])
        return books[key].evaluated_to if books else 0


async def test_old_signals_are_not_said_at_start_and_new_ones_are():
    platform = Platform()
    await platform.store.write(MARKET[:LIVE])
    heard = await platform.bus.subscribe(SIGNALS.topic, subscription(SIGNALS, "telegram_notifier"))
    async with platform.running():
        assert await platform.evaluated_to() == MARKET[LIVE - 1].open_time
        assert await platform.store.signals(10) == []
        for candle in MARKET[LIVE:]:
            await platform.store.write([candle])
            await platform.tell(candle)
    said = [decode(delivery.message) for delivery in await heard.pull()]
    assert said
    assert all(line.time > MARKET[LIVE - 1].close_time for line in said)
    assert [(line.signal_id, line.revision) for line in said] == [
        (line.signal_id, line.revision) for line in await platform.store.signals(100)
    ]


async def test_a_restart_at_any_time_changes_no_signal():
    whole, broken = Platform(), Platform()
    for platform, restarts in ((whole, False), (broken, True)):
        await platform.store.write(MARKET[:LIVE])
        async with platform.running():
            pass
        for start in range(LIVE, len(MARKET), 40):
            if restarts:
                platform.service = platform.new_service()
            async with platform.running():
                for candle in MARKET[start : start + 40]:
                    await platform.store.write([candle])
                    await platform.pass_to(candle.close_time)
    assert await broken.store.signals(100) == await whole.store.signals(100)
    assert len(await whole.store.signals(100)) > 4


async def test_it_wakes_for_a_candle_and_acknowledges_it_after_the_evaluation():
    platform = Platform()
    await platform.store.write(MARKET[:LIVE])
    async with platform.running():
        await platform.store.write([MARKET[LIVE]])
        platform.store.away = {"commit"}
        await platform.tell(MARKET[LIVE])
        assert platform.bus.backlog(CANDLES.topic, WAKE).held == 1
        assert platform.service.health().status is HealthStatus.DEGRADED
        assert platform.service.health().detail == "commit is away"
        platform.store.away = set()
        await platform.pass_to(platform.clock.now() + 1_000)
        assert await platform.evaluated_to() == MARKET[LIVE].open_time
        assert platform.bus.backlog(CANDLES.topic, WAKE).held == 0
        assert platform.service.health().status is HealthStatus.OK


async def test_it_wakes_by_the_clock_every_interval():
    platform = Platform()
    await platform.store.write(MARKET[:LIVE])
    async with platform.running():
        await platform.store.write([MARKET[LIVE]])
        await platform.pass_to(platform.clock.now() + 14_999)
        assert await platform.evaluated_to() == MARKET[LIVE - 1].open_time
        await platform.pass_to(platform.clock.now() + 1)
        assert await platform.evaluated_to() == MARKET[LIVE].open_time


async def test_what_was_not_evaluated_goes_back_to_the_bus_on_shutdown():
    platform = Platform()
    async with platform.running():
        platform.store.away = {"load_books", "read_latest"}
        await platform.tell(MARKET[0])
    backlog = platform.bus.backlog(CANDLES.topic, WAKE)
    assert (backlog.queued, backlog.held) == (1, 0)


async def test_a_message_that_is_no_candle_is_rejected_and_the_others_go_on():
    platform = Platform()
    await platform.store.write(MARKET[:LIVE])
    async with platform.running():
        await platform.bus.publish(CANDLES.topic, [Message(b"{}", {"type": "candle", "version": "1"})])
        await platform.store.write([MARKET[LIVE]])
        await platform.tell(MARKET[LIVE])
        assert await platform.evaluated_to() == MARKET[LIVE].open_time
        assert platform.bus.backlog(CANDLES.topic, WAKE) == Backlog(0, 0)


async def test_a_topic_full_of_what_is_no_candle_ends_the_service():
    platform = Platform()
    await platform.bus.subscribe(CANDLES.topic, WAKE)
    stranger = encode(SIGNALS, make_signal(), message_id="x")
    await platform.bus.publish(CANDLES.topic, [stranger] * (MOST + 1))
    with pytest.raises(ExceptionGroup) as caught:
        await platform.service.run()
    assert caught.group_contains(InvariantViolation, match="Signal is no Candle")


async def test_an_outage_is_told_in_the_channel_and_its_end_with_the_minutes_healed():
    platform = Platform()
    heard = await platform.bus.subscribe(NOTICES.topic, subscription(NOTICES, "telegram_notifier"))
    await platform.store.write(MARKET[:LIVE])
    end = MARKET[LIVE - 1].close_time
    async with platform.running():
        await platform.pass_to(end + 3 * MINUTE + 15_000)
        await platform.pass_to(end + 20 * MINUTE)
        healed = [replace(candle, source=CandleSource.EXCHANGE) for candle in MARKET[LIVE : LIVE + 19]]
        await platform.store.write([*healed, MARKET[LIVE + 19]])
        await platform.pass_to(end + 20 * MINUTE + 15_000)
    notices = [decode(delivery.message) for delivery in await heard.pull()]
    assert [(str(notice.kind), notice.revision, notice.symbols) for notice in notices] == [
        ("stale", 0, ("BTCUSDT",)),
        ("resumed", 1, ("BTCUSDT",)),
    ]
    assert [(notice.since - end, notice.healed) for notice in notices] == [(0, 0), (0, 19)]
    assert notices[1].until == end + 20 * MINUTE


async def test_without_a_limit_no_outage_is_announced():
    platform = Platform(stale_after=0)
    await platform.bus.subscribe(NOTICES.topic, WAKE)
    await platform.store.write(MARKET[:LIVE])
    async with platform.running():
        await platform.pass_to(platform.clock.now() + 60 * MINUTE)
        assert platform.service.health().status is HealthStatus.OK
    assert platform.bus.backlog(NOTICES.topic, WAKE).queued == 0


async def test_a_message_about_a_revised_candle_marks_the_signals_built_on_it():
    platform = Platform()
    await platform.store.write(MARKET[:LIVE])
    async with platform.running():
        for candle in MARKET[LIVE:]:
            await platform.store.write([candle])
            await platform.tell(candle)
        entry = next(line for line in await platform.store.signals(100) if line.kind is SignalKind.ENTRY)
        await platform.tell(replace(MARKET[(entry.open_time - START) // MINUTE - 3], revision=1))
    lines = await platform.store.history(entry.signal_id)
    assert lines[-1].data_revised == (entry.open_time - 3 * MINUTE,)
    assert [line.revision for line in lines] == list(range(len(lines)))


async def test_a_bias_is_acknowledged_once_it_is_stored_and_then_stops_entries_against_it():
    limits = GateLimits(activate=80.0)
    free, gated = Platform(), Platform(policy=EntryPolicy(limits, 0.005))
    now = MARKET[LIVE - 1].close_time
    bias = make_bias(now - 5 * MINUTE, expires_at=now + 1_000 * MINUTE)
    for platform in (free, gated):
        await platform.store.write(MARKET[:LIVE])
        await platform.bus.subscribe(MACRO_BIAS.topic, BIASES)
        async with platform.running():
            platform.store.away = {"save_document"}
            await platform.bus.publish(MACRO_BIAS.topic, [encode(MACRO_BIAS, bias, message_id=bias.bias_id)])
            await platform.settle()
            if platform is gated:
                assert platform.bus.backlog(MACRO_BIAS.topic, BIASES).held == 1
                assert platform.service.health().detail == "save_document is away"
            platform.store.away = set()
            await platform.pass_to(now + 1_000)
            for candle in MARKET[LIVE:]:
                await platform.store.write([candle])
                await platform.pass_to(candle.close_time)
    assert free.bus.backlog(MACRO_BIAS.topic, BIASES).queued == 1, "who has no gate does not listen"
    assert gated.bus.backlog(MACRO_BIAS.topic, BIASES) == Backlog(0, 0)
    assert gated.service.health().facts["macro_directions"] == 1
    said, free_said = [await platform.store.signals(1_000) for platform in (gated, free)]
    assert {str(line.side) for line in free_said} == {"LONG", "SHORT"}
    assert {str(line.side) for line in said} == {"LONG"}
    assert len(await gated.store.documents("near_misses", 1_000)) > 0
    entry = next(line for line in said if line.kind is SignalKind.ENTRY)
    assert (entry.decision["macro"]["gate"], entry.decision["size"]["size_pct"]) == ("aligned", 100.0)
    assert not {"macro", "size"} & set(free_said[0].decision)


async def test_health_names_symbols_without_candles_and_those_that_wait():
    platform = Platform(symbols=["BTCUSDT", "ETHUSDT"])
    assert platform.service.health().status is HealthStatus.STARTING
    end = MARKET[LIVE - 1].close_time
    await platform.store.write([*MARKET[:LIVE], make_candle(end - MINUTE, symbol="ETHUSDT")])
    async with platform.running():
        assert platform.service.health().status is HealthStatus.OK
        await platform.store.write([make_candle(end + 2 * MINUTE), make_candle(end + MINUTE)])
        await platform.pass_to(end + 3 * MINUTE + 15_000)
        health = platform.service.health()
        assert health.status is HealthStatus.DEGRADED
        assert "no candle for 3 minutes: ETHUSDT;" in health.detail
        assert "waiting for a missing or incomplete candle: BTCUSDT;" in health.detail
        assert health.facts == {"evaluated": LIVE + 1 - (LIVE - 252 - 8), "signals": 0, "open_positions": 0}


def test_wrong_settings_are_refused_before_anything_starts():
    with pytest.raises(ConfigurationError, match="strategy rsi_threshold: rsi_period = 0: give 2 to 1000"):
        Platform(strategies={"rsi_threshold": {"rsi_period": 0}})
