"""History is there after the start, and a hole that nobody reported is found."""

import pytest

from services.backfiller.sweep import SWEEP_MILLIS, Sweep
from shared.adapters.clock.manual import ManualClock
from shared.errors import Refused, Unavailable
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle
from tests.services.backfiller.parts import NOW, World, broken, told

OTHER = "ETHUSDT"


def sweep_of(world: World, *symbols: str, warm_up: int = 50) -> Sweep:
    return Sweep(EXCHANGE, symbols or (SYMBOL,), warm_up, filler=world.filler, store=world.store, clock=world.clock)


async def test_the_warm_up_fills_what_is_missing_up_to_the_last_minute_that_is_over():
    world = World()
    await world.store.write([make_candle(START + n * MINUTE) for n in range(90)])
    sweep = sweep_of(world)
    assert sweep.cold == [SYMBOL]
    await sweep.round()
    assert set(await world.stored()) == set(range(100))
    assert world.history.calls == [(SYMBOL, 90, 100)]
    assert sweep.cold == []


async def test_an_empty_store_gets_as_many_minutes_as_wanted():
    world = World()
    await sweep_of(world, SYMBOL, OTHER, warm_up=30).round()
    assert [set(await world.stored(symbol)) for symbol in (SYMBOL, OTHER)] == [set(range(70, 100))] * 2


async def test_holes_inside_are_found_and_incomplete_minutes_replaced():
    world = World()
    await world.store.write([make_candle(START + n * MINUTE) for n in range(50, 100) if n not in {60, 70}])
    await world.store.write([broken(70)])
    await sweep_of(world).round()
    stored = await world.stored()
    assert stored[60].complete
    assert (stored[70].complete, stored[70].revision) == (True, 1)


async def test_of_the_warm_up_nobody_is_told_of_later_holes_everybody():
    world = World()
    listener = await world.listen()
    sweep = sweep_of(world)
    await sweep.round()
    assert world.left() == 0
    world.clock.advance_to(NOW + 3 * MINUTE)
    await sweep.round()
    assert [(candle.open_time - START) // MINUTE for candle in await told(listener, 1)] == [100]


async def test_a_minute_just_over_at_start_is_filled_as_soon_as_its_kline_is_final():
    world = World(ManualClock(NOW + 2_000))
    sweep = sweep_of(world, warm_up=3)
    await sweep.round()
    assert set(await world.stored()) == {97, 98}
    world.clock.advance_to(NOW + 2_000 + SWEEP_MILLIS)
    await sweep.round()
    assert max(await world.stored()) == 99


async def test_a_young_minute_is_the_aggregators_affair():
    world = World()
    sweep = sweep_of(world)
    await sweep.round()
    world.clock.advance_to(NOW + 2 * MINUTE + 50_000)
    await sweep.round()
    assert max(await world.stored()) == 99


async def test_what_the_venue_does_not_have_is_asked_for_less_and_less():
    world = World()
    sweep = sweep_of(world)
    await sweep.round()
    world.history.absent = set(range(100, 2000))
    world.history.calls.clear()
    for step in range(100):
        world.clock.advance_to(NOW + 3 * MINUTE + step * SWEEP_MILLIS)
        await sweep.round()
    assert 4 <= len(world.history.calls) <= 8


async def test_a_refused_symbol_is_seen_and_does_not_stop_the_others():
    world = World()
    sweep = sweep_of(world, "NOUSDT", SYMBOL)
    listed = world.history.candles

    async def candles(symbol, timeframe, start, end):
        if symbol == "NOUSDT":
            raise Refused("symbol invalid", "not_found")
        return await listed(symbol, timeframe, start, end)

    world.history.candles = candles
    await sweep.round()
    assert world.filler.refused == {"NOUSDT": "symbol invalid"}
    assert sweep.cold == []
    world.history.candles = listed
    world.clock.advance_to(NOW + 11 * MINUTE)
    await sweep.round()
    assert world.filler.refused == {}


async def test_an_outage_leaves_the_symbol_cold_until_it_is_over():
    world = World()
    sweep = sweep_of(world)
    world.history.error = Unavailable("away")
    with pytest.raises(Unavailable):
        await sweep.round()
    assert sweep.cold == [SYMBOL]
    world.history.error = None
    await sweep.round()
    assert sweep.cold == []


DAY = 1_440


async def test_a_downtime_of_days_is_filled_from_the_last_stored_candle_on_in_pages():
    world = World(ManualClock(NOW + 4 * DAY * MINUTE + 30_000))
    await world.store.write([make_candle(START + n * MINUTE) for n in range(100)])
    sweep = sweep_of(world)
    await sweep.round()
    assert set(await world.stored()) == set(range(100 + 4 * DAY))
    assert len(world.history.calls) == 6
    assert all(end - start <= 1_000 for _, start, end in world.history.calls)
    assert sweep.cold == []


async def test_a_candle_stored_since_the_start_does_not_hide_the_downtime_before_it():
    world = World(ManualClock(NOW + 2 * DAY * MINUTE + 30_000))
    await world.store.write([make_candle(START + n * MINUTE) for n in (*range(100), 100 + 2 * DAY)])
    await sweep_of(world).round()
    assert set(range(100, 100 + 2 * DAY)) <= set(await world.stored())


async def test_of_a_downtime_of_months_the_last_month_is_filled():
    world = World(ManualClock(NOW + 60 * DAY * MINUTE + 30_000))
    await world.store.write([make_candle(START + n * MINUTE) for n in range(100)])
    await sweep_of(world).round()
    assert set(await world.stored()) == {*range(100), *range(100 + 29 * DAY, 100 + 60 * DAY)}


async def test_what_was_filled_before_an_outage_is_not_asked_for_again():
    world = World(ManualClock(NOW + 2 * DAY * MINUTE + 30_000))
    await world.store.write([make_candle(START + n * MINUTE) for n in range(100)])
    listed = world.history.candles

    async def candles(symbol, timeframe, start, end):
        if len(world.history.calls) == 2:
            raise Unavailable("away")
        return await listed(symbol, timeframe, start, end)

    world.history.candles = candles
    sweep = sweep_of(world)
    with pytest.raises(Unavailable):
        await sweep.round()
    assert sweep.cold == [SYMBOL]
    world.history.candles = listed
    await sweep.round()
    spans = [(start, end) for _, start, end in world.history.calls]
    assert spans == sorted(spans)
    assert set(await world.stored()) == set(range(100 + 2 * DAY))


@pytest.mark.parametrize("error", [Unavailable("away"), Refused("region", "region")])
async def test_after_hours_without_the_venue_the_sweep_looks_back_to_where_it_was_and_tells(error):
    world = World()
    sweep = sweep_of(world)
    await sweep.round()
    listener = await world.listen()
    world.history.error = error
    world.clock.advance_to(NOW + 5 * MINUTE)
    if isinstance(error, Unavailable):
        with pytest.raises(Unavailable):
            await sweep.round()
    else:
        await sweep.round()
    world.history.error = None
    world.clock.advance_to(NOW + 300 * MINUTE)
    await sweep.round()
    assert set(range(100, 398)) <= set(await world.stored())
    assert len(await told(listener, 298)) == 298
