import pytest

from shared.errors import Unavailable
from shared.messages import catalog, codec
from shared.ports import Message
from tests.makers import make_candle, make_signal
from tests.services.telegram_notifier.stage import Stage

ENTRY = make_signal()
SUBSCRIPTION = catalog.subscription(catalog.SIGNALS, "telegram_notifier")


@pytest.fixture
async def stage():
    return Stage()


async def test_what_the_bus_brings_twice_is_said_once(stage):
    again = codec.encode(catalog.SIGNALS, ENTRY, message_id="again")
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(2_000)
        await stage.bus.publish(catalog.SIGNALS.topic, [again] * 3)
        await stage.pass_time(5_000)
    assert len(stage.chat.calls) == 1


@pytest.mark.parametrize(
    "bad",
    [
        Message(b"{", {"type": "signal", "version": "1"}),
        Message(b"{}", {"type": "signal", "version": "99"}),
        codec.encode(catalog.CANDLES, make_candle(), message_id="candle"),
    ],
)
async def test_what_is_no_signal_goes_to_the_dead_letters_and_the_rest_goes_on(stage, bad):
    dead = await stage.bus.subscribe(catalog.SIGNALS.dead_letter, "operator")
    async with stage.running():
        await stage.bus.publish(catalog.SIGNALS.topic, [bad])
        await stage.say(ENTRY)
    assert len(stage.chat.messages) == 1
    assert [delivery.message.data for delivery in await dead.pull()] == [bad.data]


async def test_a_signal_is_acknowledged_only_when_it_is_stored(stage, monkeypatch):
    save, away = stage.store.save, [True] * 3

    async def save_when_back(entry):
        if away:
            away.pop()
            raise Unavailable("store is away")
        return await save(entry)

    monkeypatch.setattr(stage.store, "save", save_when_back)
    async with stage.running():
        await stage.say(ENTRY)
        assert stage.bus.backlog(catalog.SIGNALS.topic, SUBSCRIPTION).held == 1
        await stage.pass_time(10_000)
        assert stage.bus.backlog(catalog.SIGNALS.topic, SUBSCRIPTION).held == 0
    assert len(stage.chat.messages) == 1
