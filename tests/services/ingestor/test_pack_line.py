"""What the feed says reaches the bus once and in order, whatever the bus does meanwhile."""

import asyncio
from contextlib import asynccontextmanager, suppress
from itertools import groupby

from services.ingestor.pack_line import PackLine
from shared.adapters.clock.system import SystemClock
from shared.domain.feed import FeedAlive, FeedDisconnected
from shared.engine.packer import Packer
from tests.makers import EXCHANGE, START
from tests.services.ingestor.parts import FlakyBus, connected, trades


def line_to(bus: FlakyBus, most_waiting: int = 100_000, pack_millis: int = 5) -> PackLine:
    return PackLine(
        packer=Packer(EXCHANGE, 1, pack_millis, lambda _trade: True),
        bus=bus,
        exchange=EXCHANGE,
        run_prefix="r",
        clock=SystemClock(),
        most_waiting=most_waiting,
    )


@asynccontextmanager
async def publishing(line: PackLine):
    task = asyncio.create_task(line.publish_forever())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def times(packs) -> list[int]:
    return [trade.event_time - START for pack in packs for trade in pack.trades]


async def test_packs_leave_in_time_with_pure_ids():
    bus = FlakyBus()
    line = line_to(bus)
    async with publishing(line):
        line.take(connected())
        line.take(trades(START + 1))
        await bus.until(1)
        line.take(trades(START + 2, START + 3))
        assert times(await bus.until(3)) == [1, 2, 3]
    ids = [message.attributes["id"] for message in bus.messages]
    assert ids == [f"r-1/0/{number}" for number in range(len(ids))]
    assert (line.published, line.waiting, line.lost) == (len(ids), 0, 0)


async def test_what_a_bus_that_is_away_did_not_take_is_kept_in_order():
    bus = FlakyBus()
    bus.away = True
    line = line_to(bus)
    async with publishing(line), asyncio.timeout(5):
        line.take(connected())
        line.take(trades(START + 1))
        await bus.refused.wait()
        assert "the bus is down" in line.trouble
        line.take(trades(START + 2))
        line.take(FeedDisconnected("gone"))
        line.take(connected(START + 10))
        line.take(trades(START + 11))
        assert line.waiting == 3
        bus.away = False
        packs = await bus.until(3)
    assert times(packs) == [1, 2, 11]
    assert [pack.run_id for pack in packs] == ["r-1", "r-1", "r-2"]
    assert (line.trouble, line.lost) == ("", 0)


async def test_beyond_the_bound_trades_become_a_recorded_hole():
    bus = FlakyBus()
    bus.away = True
    line = line_to(bus, most_waiting=10)
    async with publishing(line), asyncio.timeout(5):
        line.take(connected())
        line.take(trades(START + 1))
        await bus.refused.wait()
        for time in range(2, 40):
            line.take(trades(START + time))
            assert line.waiting <= 10
        bus.away = False
        packs = await bus.until(39 - line.lost)
    assert line.lost >= 20
    kept = set(times(packs))
    for _, group in groupby(packs, key=lambda pack: pack.run_id):
        run = list(group)
        assert [pack.seq for pack in run] == list(range(len(run)))
        claimed = range(run[0].covered_from - START, run[-1].watermark - START)
        assert {time for time in claimed if 0 < time < 40} <= kept


async def test_a_disconnect_while_too_much_waits_gives_up_what_is_behind():
    bus = FlakyBus()
    bus.away = True
    line = line_to(bus, most_waiting=4)
    async with publishing(line), asyncio.timeout(5):
        for run in range(6):
            line.take(connected(START + run * 100))
            line.take(trades(START + run * 100 + 1, START + run * 100 + 2))
            line.take(FeedDisconnected("gone"))
        assert line.waiting <= 4
        assert line.lost == 8
        bus.away = False
        assert times(await bus.until(4)) == [1, 2, 101, 102]


async def test_the_last_pack_leaves_when_the_service_is_told_to_stop():
    bus = FlakyBus()
    line = line_to(bus, pack_millis=60_000)
    async with publishing(line):
        line.take(connected())
        line.take(trades(START + 1))
        line.take(FeedAlive(START + 500))
    await line.finish()
    assert times(bus.packs) == [1]
    assert bus.packs[-1].watermark == START + 500


async def test_a_bus_that_stays_away_does_not_keep_the_service_from_stopping(monkeypatch, caplog):
    monkeypatch.setattr("services.ingestor.pack_line._LAST_WORDS", 0.02)
    bus = FlakyBus()
    bus.away = True
    line = line_to(bus)
    line.take(connected())
    line.take(trades(START + 1))
    await line.finish()
    assert "stopped with trades unpublished" in caplog.text
