"""Trade packs that are held back by market time, and the count of what is delivered."""

import pytest

from services.cli.parts.disturbed_bus import DisturbedBus, Lateness
from shared.adapters.bus.memory import Disturb, MemoryBus, Options
from shared.messages.catalog import TRADES
from shared.messages.codec import decode, encode
from shared.ports import Message
from tests.makers import START, make_pack, make_trade

SECOND = 1_000


async def delivered(*, reorder=0.0, delay=0.0, seed=1, dup=0.0, count=300):
    """Numbers of packs, one a second, in the order in which they come; and the bus."""
    lateness = Lateness(reorder, delay, 60 * SECOND, seed)
    bus = DisturbedBus(MemoryBus(Options(disturb=Disturb(dup=dup))), MemoryBus(Options()), lateness)
    subscription = await bus.subscribe(TRADES.topic, "s")
    for number in range(count):
        end = START + (number + 1) * SECOND
        pack = make_pack(number, end, (make_trade(end - 5), make_trade(end - 4)))
        await bus.publish(TRADES.topic, [encode(TRADES, pack, message_id=str(number))])
    await bus.let_go()
    found = await subscription.pull(10 * count)
    await subscription.ack(found)
    return [decode(delivery.message).seq for delivery in found], bus


@pytest.mark.parametrize(("shares", "least", "most"), [({"delay": 0.05}, 58, 60), ({"reorder": 0.05}, 1, 5)])
async def test_a_pack_that_is_held_back_is_so_late_and_none_is_lost(shares, least, most):
    numbers, bus = await delivered(**shares)
    assert sorted(numbers) == list(range(300))
    # A pack is late by the newest that came before it; at the end of the recording all are let go.
    late = [max(numbers[:place], default=0) - number for place, number in enumerate(numbers) if number < 239]
    late = [seconds for seconds in late if seconds > 0]
    assert len(late) > 5
    assert min(late) >= least
    assert max(late) <= most
    assert (bus.delayed > 0) == ("delay" in shares)


async def test_equal_seeds_hold_back_the_same_packs():
    assert (
        (await delivered(delay=0.05))[0] == (await delivered(delay=0.05))[0] != (await delivered(delay=0.05, seed=2))[0]
    )


@pytest.mark.parametrize("dup", [0.0, 1.0])
async def test_trades_are_counted_as_often_as_they_are_delivered(dup):
    _, bus = await delivered(delay=0.05, dup=dup)
    assert bus.received == 600 * (1 + dup)


async def test_other_topics_pass_untouched():
    bus = DisturbedBus(MemoryBus(Options()), MemoryBus(Options()), Lateness(1.0, 1.0, SECOND, 1))
    subscription = await bus.subscribe("t", "s")
    await bus.publish("t", [Message(b"x")])
    assert [delivery.message.data for delivery in await subscription.pull()] == [b"x"]
