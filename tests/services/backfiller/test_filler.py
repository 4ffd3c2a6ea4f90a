"""The venue's candles replace what is missing or incomplete, and nothing else."""

from shared.domain.candle import CandleSource
from tests.makers import MINUTE, START, SYMBOL, make_candle
from tests.services.backfiller.parts import World, broken, told


def minutes(*numbers: int) -> list[int]:
    return [START + number * MINUTE for number in numbers]


async def test_missing_minutes_are_written_incomplete_ones_replaced_and_complete_ones_kept():
    world = World()
    await world.store.write([broken(1, revision=4), make_candle(START + 2 * MINUTE, close="50")])
    filled = await world.filler.fill(SYMBOL, minutes(0, 1, 2, 3))
    stored = await world.stored()
    assert [(stored[n].source, stored[n].revision) for n in range(4)] == [
        (CandleSource.EXCHANGE, 0),
        (CandleSource.EXCHANGE, 5),
        (CandleSource.TRADES, 0),
        (CandleSource.EXCHANGE, 0),
    ]
    assert filled.complete == set(minutes(0, 1, 2, 3))
    assert [candle.open_time for candle in filled.changed] == minutes(0, 1, 3)
    assert world.history.calls == [(SYMBOL, 0, 4)]


async def test_asking_twice_changes_nothing():
    world = World()
    await world.filler.fill(SYMBOL, minutes(0, 1))
    again = await world.filler.fill(SYMBOL, minutes(0, 1))
    assert (again.changed, again.complete) == ((), set(minutes(0, 1)))


async def test_a_minute_the_venue_does_not_list_is_not_complete():
    world = World()
    world.history.absent = {1}
    filled = await world.filler.fill(SYMBOL, minutes(0, 1))
    assert filled.complete == set(minutes(0))


async def test_only_the_wanted_candles_of_the_venue_are_published():
    world = World()
    source = await world.listen()
    await world.store.write([make_candle(START + 2 * MINUTE)])
    await world.filler.fill(SYMBOL, minutes(0, 1, 3, 900))
    await world.filler.publish(SYMBOL, minutes(1, 2, 3))
    assert [candle.open_time for candle in await told(source, 2)] == minutes(1, 3)
    assert world.left() == 2


async def test_a_long_heal_is_stored_hour_by_hour_from_the_oldest():
    """A reader between two writes never sees what lies behind a hole before the hole is filled."""
    world = World()
    batches = []
    write = world.store.write

    async def recorded(candles):
        batches.append([(candle.open_time - START) // MINUTE for candle in candles])
        return await write(candles)

    world.store.write = recorded
    await world.filler.fill(SYMBOL, minutes(*range(90)))
    assert batches == [list(range(60)), list(range(60, 90))]
