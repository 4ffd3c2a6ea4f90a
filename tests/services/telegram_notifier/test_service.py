import asyncio

import pytest

from shared.domain.outbox_entry import OutboxState
from shared.domain.signal import SignalKind
from shared.messages import catalog
from shared.runtime.service import HealthStatus
from tests.makers import START, make_signal
from tests.services.telegram_notifier.stage import CHAT, Stage

ENTRY, EXIT = make_signal(), make_signal(SignalKind.EXIT)
SUBSCRIPTION = catalog.subscription(catalog.SIGNALS, "telegram_notifier")


def others(count):
    return [make_signal(symbol=f"S{number}USDT") for number in range(count)]


@pytest.fixture
async def stage():
    return Stage()


async def test_a_signal_becomes_one_message_that_is_edited_until_the_trade_is_over(stage):
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(2_000)
        await stage.say(EXIT)
        await stage.pass_time(2_000)
    (text, buttons), *more = stage.chat.messages.values()
    assert not more
    assert text.startswith("✅ <b>Take profit +1.50")
    assert buttons[0].text == "📊 Chart"
    entry = await stage.store.load(CHAT, ENTRY.signal_id)
    assert (entry.state, entry.delivered_revision, entry.queue) == (OutboxState.SENT, 2, ())
    assert stage.bus.backlog(catalog.SIGNALS.topic, SUBSCRIPTION).held == 0


async def test_a_request_under_way_when_the_process_died_is_uncertain_at_the_next_start(stage):
    never = stage.chat.gates["send"] = asyncio.Event()
    killed = asyncio.create_task(stage.service.run())
    await stage.settle()
    await stage.say(ENTRY)
    stage.chat.gates.clear()
    stage.new_service()
    async with stage.running():
        await stage.pass_time(5_000)
    assert stage.chat.texts("send")[-1].endswith("possible repeat")
    never.set()
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)


async def test_the_health_counts_what_was_done(stage):
    assert stage.service.health().status is HealthStatus.STARTING
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(2_000)
        await stage.say(EXIT)
        await stage.pass_time(2_000)
        health = stage.service.health()
    assert health.status is HealthStatus.OK
    assert {name: health.facts[name] for name in ("signals", "sent", "edited", "unfinished")} == {
        "signals": 2, "sent": 1, "edited": 1, "unfinished": 0,
    }  # fmt: skip


async def test_without_a_budget_everything_goes_at_once():
    stage = Stage(budget=0)
    async with stage.running():
        await stage.say(*others(40))
        for _ in range(20):
            await stage.settle()
        assert len(stage.chat.messages) == 40
    assert stage.clock.now() == START
