"""An incomplete candle is healed once the venue has it, and acknowledged only then."""

import pytest

from services.backfiller.healing import Healing
from shared.adapters.clock.manual import ManualClock
from shared.domain.candle import CandleSource
from shared.errors import InvariantViolation, Refused, Unavailable
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
    assert world.filler.refused == {SYMBOL: "symbol invalid"}
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


async def test_the_delay_from_the_end_of_a_minute_to_its_healing_is_measured():
    world = World(ManualClock(NOW + 17_000))
    healing, source, _ = await healing_of(world, broken(99), *(broken(n) for n in range(60, 79)))
    assert healing.delay_p95 == 0
    await healing.heal_due(source)
    assert healing.healed == 20
    assert healing.delay_p95 == 17_000 + 38 * MINUTE, "19 of 20 are not older than minute 61"


async def test_a_minute_told_again_while_it_is_acknowledged_keeps_no_message_behind(monkeypatch):
    world = World()
    healing, source, _ = await healing_of(world, broken(1))
    ack = source.ack

    async def ack_while_told(deliveries):
        monkeypatch.undo()
        await world.tell(broken(1, revision=9))
        await healing.take(await source.pull(), source)
        await ack(deliveries)

    monkeypatch.setattr(source, "ack", ack_while_told)
    await healing.heal_due(source)
    assert (healing.waiting, world.left()) == (1, 1), "the new message"
    await healing.heal_due(source)
    assert (healing.waiting, healing.healed) == (0, 1)
    await source.ack(await source.pull())
    assert world.left() == 0


async def test_when_most_messages_cannot_be_read_it_stops_instead_of_emptying_the_topic():
    world = World()
    source = await world.listen()
    await world.bus.publish(CANDLES.topic, [Message(b"?")] * 300)
    healing = Healing(EXCHANGE, world.filler, world.clock)
    with pytest.raises(InvariantViolation, match=r"could not be handled"):
        await healing.take(await source.pull(300), source)
    assert world.left() == 300 - 101


async def test_what_the_bus_takes_back_is_not_waited_for():
    world = World()
    healing, source, _ = await healing_of(world, broken(1))
    await source.release()
    healing.forget()
    await healing.heal_due(source)
    assert (healing.waiting, world.history.calls) == (0, [])
    assert world.left() == 1
