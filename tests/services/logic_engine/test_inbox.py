"""What an inbox hands on, rejects, keeps and hands back."""

import asyncio

from services.logic_engine.inbox import Inbox
from shared.adapters.bus.memory import Backlog, MemoryBus
from shared.adapters.bus.memory import Options as BusOptions
from shared.adapters.clock.manual import ManualClock
from shared.domain.macro_bias import MacroBias
from shared.messages.catalog import MACRO_BIAS, SIGNALS, subscription
from shared.messages.codec import encode
from shared.ports import Message
from shared.runtime.persistence import Persistence
from tests.engine.macro_markets import make_bias
from tests.makers import START, make_signal
from tests.services.logic_engine.failing import Failing

NAME = subscription(MACRO_BIAS, "logic_engine")


def inbox(bus, clock=None):
    return Inbox(bus, MACRO_BIAS, MacroBias, "logic_engine", Persistence(clock or ManualClock(START)))


async def filled(*messages):
    bus = Failing(MemoryBus(BusOptions()))
    await bus.subscribe(MACRO_BIAS.topic, NAME)
    await bus.publish(MACRO_BIAS.topic, messages)
    return bus


GOOD = encode(MACRO_BIAS, make_bias(), message_id="a")
WRONG = encode(SIGNALS, make_signal(), message_id="b")
BROKEN = Message(b"{}", {"type": "macro_bias", "version": "1"})


async def test_values_are_handed_on_and_what_is_none_goes_to_the_dead_letters():
    bus = await filled(WRONG, GOOD, BROKEN)
    dead = await bus.subscribe(MACRO_BIAS.dead_letter, "d")
    one = inbox(bus)
    deliveries, values = await one.pull()
    assert values == [make_bias()]
    assert bus.backlog(MACRO_BIAS.topic, NAME).held == 1
    await one.ack(deliveries)
    assert bus.backlog(MACRO_BIAS.topic, NAME) == Backlog(0, 0)
    letters = await dead.pull()
    assert [letter.message.data for letter in letters] == [WRONG.data, BROKEN.data]
    assert "Signal is no MacroBias" in letters[0].message.attributes.values()


async def test_what_is_not_acknowledged_is_handed_back():
    bus = await filled(GOOD)
    one = inbox(bus)
    await one.pull()
    await one.release()
    assert bus.backlog(MACRO_BIAS.topic, NAME) == Backlog(1, 0)
    await inbox(bus).release()


async def test_an_outage_of_the_bus_is_waited_for():
    bus, clock = await filled(GOOD), ManualClock(START)
    bus.away = {"subscribe"}
    pulled = asyncio.create_task(inbox(bus, clock).pull())
    for _ in range(3):
        await asyncio.sleep(0)
    bus.away = set()
    clock.advance_to(START + 1_000)
    assert (await pulled)[1] == [make_bias()]
