"""Packs on the bus in; candles in the store and on the bus, and acknowledgements, out, whatever fails between."""

import pytest

from shared.domain.candle import CandleSource
from shared.messages.catalog import TRADES
from shared.messages.codec import encode
from shared.ports import Message
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, make_pack, make_trade
from tests.services.aggregator.surroundings import Platform, away

FULL = START + MINUTE + 500


def minute_of_packs():
    """A run of three packs whose trades lie in minute 0; the last one closes it."""
    prior = START - 1
    packs = []
    for seq, watermark in enumerate((START + 20_000, START + 40_000, FULL)):
        trades = (make_trade(START + 10_000 + seq * 20_000, str(100 + seq)),)
        packs.append(make_pack(seq, watermark, trades, prior_event_time=prior))
        prior = trades[-1].event_time
    return packs


@pytest.fixture
async def platform():
    return await Platform().open()


async def test_a_closed_candle_is_stored_then_published_and_then_its_packs_are_acknowledged(platform):
    packs = minute_of_packs()
    async with platform.running():
        await platform.send(*packs[:2])
        await platform.settle()
        assert await platform.candles() == []
        assert platform.waiting() == (0, 2)
        await platform.send(packs[2])
        await platform.settle()
        [candle] = await platform.candles()
        assert (candle.complete, candle.trades, str(candle.close)) == (True, 3, "102")
        assert await platform.published() == [(f"{EXCHANGE}/{SYMBOL}/1m/{START}/0/1", candle)]
        assert platform.waiting() == (0, 1), "the last pack's watermark is in the next minute"
    calls = [call for call in (*platform.store.calls, *platform.bus.calls) if call in ("write", "publish")]
    assert calls == ["write", "publish"]


async def test_a_successor_in_mid_minute_makes_the_identical_candle(platform):
    packs = minute_of_packs()
    alone = await Platform().open()
    async with alone.running():
        await alone.send(*packs)
        await alone.settle()
    async with platform.running():
        await platform.send(*packs[:2])
        await platform.settle()
    assert platform.waiting() == (2, 0), "handed back at once"
    async with platform.running():
        await platform.send(packs[2])
        await platform.settle()
    assert await platform.candles() == await alone.candles()
    assert await platform.published() == await alone.published()


async def test_packs_delivered_twice_change_nothing_and_are_all_acknowledged(platform):
    packs = minute_of_packs()
    async with platform.running():
        await platform.send(*packs, *packs, packs[1])
        await platform.settle()
        [candle] = await platform.candles()
        assert (candle.trades, candle.revision) == (3, 0)
        assert len(await platform.published()) == 1
        assert platform.waiting() == (0, 2), "both deliveries of the last pack wait for its minute"


async def test_while_the_store_is_away_nothing_more_is_pulled_and_the_same_write_is_repeated(platform):
    packs = minute_of_packs()
    platform.store.fail("write", *away(3))
    async with platform.running() as service:
        await platform.send(*packs)
        await platform.settle()
        assert service.health().detail == "the store is away; start it"
        await platform.send(make_pack(3, FULL + 1, prior_event_time=START + 50_000))
        await platform.settle()
        assert platform.waiting() == (1, 3)
        for pause in (250, 500, 1_000):
            assert await platform.candles() == []
            await platform.settle(pause)
        assert [candle.trades for candle in await platform.candles()] == [3]
        assert len(await platform.published()) == 1
        assert platform.waiting() == (0, 2)
        assert "away" not in service.health().detail


async def test_a_crash_between_store_and_publication_is_made_good_by_the_successor(platform):
    platform.bus.fail("publish", RuntimeError("the process dies"))
    async with platform.running():
        await platform.send(*minute_of_packs())
        await platform.settle()
    [candle] = await platform.candles()
    assert await platform.published() == []
    assert platform.waiting() == (3, 0), "nothing was acknowledged"
    async with platform.running():
        await platform.settle()
        assert [said for _, said in await platform.published()] == [candle]
        assert platform.waiting() == (0, 1)
    assert await platform.candles() == [candle]


async def test_two_aggregators_one_after_another_say_every_minute_once(platform):
    packs = [make_pack(seq, START + (seq + 1) * 30_250, prior_event_time=START - 1) for seq in range(8)]
    await platform.store.write([make_candle(START - MINUTE)])
    for group in (packs[:3], packs[3:]):
        async with platform.running():
            await platform.send(*group)
            await platform.settle()
    candles = [candle for candle in await platform.candles() if candle.open_time >= START]
    assert [(candle.open_time - START) // MINUTE for candle in candles] == [0, 1, 2, 3]
    assert all(candle.complete for candle in candles)
    said = [open_time for _, candle in await platform.published() if (open_time := candle.open_time) >= START]
    assert sorted(set(said)) == [candle.open_time for candle in candles]


async def test_a_symbol_goes_on_from_the_stores_last_complete_candle(platform):
    await platform.store.write([make_candle(START - MINUTE, "77", source=CandleSource.EXCHANGE)])
    async with platform.running():
        await platform.send(make_pack(0, FULL))
        await platform.settle()
    flat = (await platform.candles())[-1]
    assert (flat.complete, str(flat.open), flat.trades) == (True, "77", 0)
    assert [candle.source for _, candle in await platform.published()] == [CandleSource.TRADES]


@pytest.mark.parametrize(
    "fields",
    [{"complete": False}, {"open_time": START + 5 * MINUTE}, {"open_time": START - 60 * MINUTE}],
    ids=["incomplete", "newer", "long ago"],
)
async def test_a_stored_candle_that_the_pack_does_not_go_on_from_is_no_seed(platform, fields):
    await platform.store.write([make_candle(**{"open_time": START - MINUTE, **fields})])
    async with platform.running():
        await platform.send(make_pack(0, FULL))
        await platform.settle()
    assert len(await platform.candles()) == 1, "no price is known to go on from"


async def test_what_cannot_be_understood_is_rejected_and_the_rest_goes_on(platform):
    good = encode(TRADES, minute_of_packs()[0], message_id="good")
    async with platform.running() as service:
        await platform.memory.publish(
            TRADES.topic,
            [
                Message(b"{", {"type": "trades", "version": "1"}),
                Message(good.data, {"type": "trades", "version": "99"}),
                Message(b"x", {}),
                encode(TRADES, make_pack(0, FULL, exchange="other"), message_id="foreign"),
                encode(TRADES, make_pack(0, FULL, (make_trade(START, "NaN"),)), message_id="poison"),
            ],
        )
        await platform.send(*minute_of_packs())
        await platform.settle()
        assert platform.waiting() == (0, 1)
        assert [candle.complete for candle in await platform.candles()] == [True]
        assert service.health().facts["packs_held"] == 1


async def test_a_candle_revised_by_a_late_trade_is_said_again(platform):
    async with platform.running() as service:
        await platform.send(*minute_of_packs())
        await platform.settle()
        late = make_pack(3, FULL + 1, (make_trade(START + 55_000, "99"),), prior_event_time=START + 50_000, symbols=())
        await platform.send(late)
        await platform.settle()
        assert [candle.revision for _, candle in await platform.published()] == [0, 1]
        assert str((await platform.candles())[0].close) == "99"
        assert service.health().facts["trades_late"] == 1
