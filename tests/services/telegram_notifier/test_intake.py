import pytest

from shared.domain.notice import Notice, NoticeKind, stale_id
from shared.errors import InvariantViolation, Unavailable
from shared.messages import catalog, codec
from shared.ports import Message
from shared.runtime.rejections import MOST
from tests.makers import EXCHANGE, START, SYMBOL, make_candle, make_signal
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


async def test_a_notice_is_taken_in_from_its_own_topic_and_a_signal_there_is_rejected(stage):
    notice = Notice(stale_id(EXCHANGE, START), 0, NoticeKind.STALE, EXCHANGE, (SYMBOL,), START, START)
    dead = await stage.bus.subscribe(catalog.NOTICES.dead_letter, "operator")
    stray = codec.encode(catalog.SIGNALS, ENTRY, message_id="stray")
    async with stage.running():
        await stage.bus.publish(catalog.NOTICES.topic, [stray])
        await stage.announce(notice)
        assert stage.service.health().facts["notices"] == 1
    assert [delivery.message.data for delivery in await dead.pull()] == [stray.data]
    assert len(stage.chat.of(notice.notice_id)) == 1
    assert not stage.chat.of(ENTRY.signal_id)


async def test_when_nearly_nothing_can_be_read_the_service_ends(stage):
    bad = Message(b"{}", {"type": "signal", "version": "99"})
    with pytest.RaisesGroup(InvariantViolation) if hasattr(pytest, "RaisesGroup") else pytest.raises(ExceptionGroup):
        async with stage.running():
            await stage.bus.publish(catalog.SIGNALS.topic, [bad] * (MOST + 1))
            for _ in range(20):
                await stage.settle()
