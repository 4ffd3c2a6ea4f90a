from dataclasses import replace

import pytest

from shared.domain.notice import Notice, NoticeKind, stale_id
from shared.domain.outbox_entry import OutboxState
from shared.domain.signal import SignalKind
from shared.messages import catalog
from shared.runtime.service import HealthStatus
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_signal
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
    async with stage.killed_while_sending(ENTRY):
        stage.new_service()
        async with stage.running():
            await stage.pass_time(7_000)
    assert stage.chat.texts("send")[-1].endswith("possible repeat")


async def test_an_outage_is_one_message_that_becomes_the_all_clear(stage):
    stale = Notice(stale_id(EXCHANGE, START), 0, NoticeKind.STALE, EXCHANGE, (SYMBOL,), START, START)
    async with stage.running():
        await stage.announce(stale, stale)
        await stage.pass_time(2_000)
        (announced,) = stage.chat.of(stale.notice_id)
        over = replace(stale, revision=1, kind=NoticeKind.RESUMED, until=START + 7 * MINUTE, healed=7)
        await stage.announce(over, stale)
        await stage.pass_time(2_000)
    assert announced.startswith("⚠️")
    ((text, buttons),) = stage.chat.messages.values()
    assert text.startswith("✅")
    assert buttons == ()


async def test_a_signal_that_comes_late_says_so_and_its_exit_in_time_does_not(stage):
    late = make_signal(SignalKind.EXIT, time=ENTRY.time + 5 * MINUTE)
    stage.clock.advance_to(ENTRY.time + 192_000)
    async with stage.running():
        await stage.say(ENTRY)
        assert stage.chat.messages[1][0].endswith("⏱ late by 3m12s")
        stage.clock.advance_to(late.time)
        await stage.say(late)
        await stage.pass_time(2_000)
    assert "late by" not in stage.chat.messages[1][0]


async def test_a_signal_that_comes_much_too_late_is_not_told_nor_its_exit(stage):
    stage.clock.advance_to(ENTRY.time + 16 * MINUTE)
    async with stage.running():
        await stage.say(ENTRY, EXIT)
        await stage.pass_time(2_000)
        health = stage.service.health()
    assert stage.chat.calls == []
    assert (health.status, health.facts["expired"], health.facts["unfinished"]) == (HealthStatus.OK, 2, 0)
    assert (await stage.store.load(CHAT, ENTRY.signal_id)).state is OutboxState.EXPIRED


async def test_the_exit_of_a_signal_that_was_told_is_told_after_any_outage(stage):
    async with stage.running():
        await stage.say(ENTRY)
    stage.clock.advance_to(EXIT.time + 90 * MINUTE)
    stage.new_service()
    async with stage.running():
        await stage.say(EXIT)
        await stage.pass_time(2_000)
    (text,) = stage.chat.of(ENTRY.signal_id)
    assert text.endswith("⏱ late by 1h30m")


@pytest.mark.parametrize("ended", [False, True])
async def test_a_correction_of_the_data_is_an_edit_of_the_message(stage, ended):
    newest = EXIT if ended else ENTRY
    revised = replace(newest, revision=newest.revision + 1, data_revised=(START,))
    async with stage.running():
        await stage.say(*([ENTRY, EXIT] if ended else [ENTRY]))
        await stage.pass_time(3_000)
        stage.clock.advance_to(START + 30 * MINUTE)
        await stage.say(revised)
        await stage.pass_time(3_000)
    (text,) = stage.chat.of(ENTRY.signal_id)
    assert "⚠️ data revised: the exchange corrected 1 candle this signal was built on (00:00 UTC)" in text
    assert "late by" not in text
    assert text.startswith("✅" if ended else "🟢")


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
