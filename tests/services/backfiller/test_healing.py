"""An incomplete candle is healed once the venue has it, and acknowledged only then."""

import pytest

from services.backfiller.healing import Healing
from shared.adapters.clock.manual import ManualClock
from shared.domain.candle import CandleSource
from shared.errors import Refused, Unavailable
from shared.messages.catalog import CANDLES
from shared.ports import Message
from tests.makers import EXCHANGE, MINUTE, SYMBOL, make_candle
from tests.services.backfiller.parts import NOW, World, broken, told


async def healing_of(world: World, *candles):
    """Healing that has taken in what was told of these candles, and a listener that hears of the healed ones."""
    source = await world.listen()
    await world.tell(*candles)
    healing = Healing(EXCHANGE, world.filler, world.clock)
    await healing.take(await source.pull(), source)
    return healing, source, await world.listen("next")


async def test_neighbours_are_healed_by_one_question_written_published_and_acknowledged():
    world = World()
    healing, source, listener = await healing_of(world, broken(1), broken(3), make_candle(NOW - 60 * MINUTE))
    assert (healing.waiting, world.left()) == (2, 2)
    await healing.heal_due(source)
    stored = await world.stored()
    assert world.history.calls == [(SYMBOL, 1, 4)]
    assert [(stored[n].complete, stored[n].source, stored[n].revision) for n in (1, 3)] == [
        (True, CandleSource.EXCHANGE, 1)
    ] * 2
    assert await told(listener, 2) == [stored[1], stored[3]]
    assert (healing.waiting, healing.healed, world.left() - 2) == (0, 2, 0)


async def test_a_fresh_minute_is_left_alone_and_one_the_venue_lacks_is_asked_for_again():
    world = World(ManualClock(NOW + 1_000))
    healing, source, _ = await healing_of(world, broken(99))
    await healing.heal_due(source)
    assert world.history.calls == []
    world.history.absent = {99}
    world.clock.advance_to(NOW + 5_000)
    await healing.heal_due(source)
    await healing.heal_due(source)
    assert len(world.history.calls) == 1
    assert (healing.waiting, world.left()) == (1, 1)
    world.history.absent = set()
    world.clock.advance_to(NOW + 7_000)
    await healing.heal_due(source)
    assert (healing.healed, healing.waiting) == (1, 0)


async def test_while_the_venue_is_away_nothing_is_acknowledged_or_lost():
    world = World()
    healing, source, _ = await healing_of(world, broken(1))
    world.history.error = Unavailable("away")
    with pytest.raises(Unavailable):
        await healing.heal_due(source)
    assert (healing.waiting, world.left()) == (1, 1)
    world.history.error = None
    await healing.heal_due(source)
    assert healing.healed == 1


async def test_a_candle_healed_before_a_crash_is_published_by_the_successor():
    world = World()
    await world.filler.fill(SYMBOL, [broken(1).open_time])
    healing, source, listener = await healing_of(world, broken(1))
    await healing.heal_due(source)
    assert [candle.source for candle in await told(listener, 1)] == [CandleSource.EXCHANGE]
    assert (world.left(), healing.waiting) == (1, 0)


async def test_a_refused_symbol_is_said_once_and_does_not_stop_the_others(caplog):
    world = World()
    healing, source, _ = await healing_of(world, broken(1), broken(2))
    world.history.error = Refused("symbol invalid", "not_found")
    await healing.heal_due(source)
    assert healing.refused == {SYMBOL: "symbol invalid"}
    assert (healing.waiting, world.left()) == (0, 0)
    await healing.heal_due(source)
    assert caplog.text.count("the venue refuses a symbol") == 1


async def test_a_minute_the_venue_never_lists_is_given_up_in_the_end():
    world = World()
    world.history.absent = {1}
    healing, source, _ = await healing_of(world, broken(1))
    await healing.heal_due(source)
    assert (healing.waiting, world.left()) == (0, 0)
    assert not (await world.stored())[1].complete


async def test_the_same_minute_told_twice_is_healed_once():
    world = World()
    healing, source, _ = await healing_of(world, broken(1), broken(1, revision=1))
    assert healing.waiting == 1
    await healing.heal_due(source)
    assert (await world.stored())[1].revision == 2
    assert healing.healed == 1


async def test_strangers_are_acknowledged_and_rubbish_is_rejected():
    world = World()
    source = await world.listen()
    await world.tell(broken(1, exchange="kraken-spot"))
    await world.bus.publish(CANDLES.topic, [Message(b"{}", {"type": "candle", "version": "1"}), Message(b"?")])
    healing = Healing(EXCHANGE, world.filler, world.clock)
    await healing.take(await source.pull(), source)
    assert (healing.waiting, world.left()) == (0, 0)
