import asyncio

import pytest

from shared.domain.outbox_entry import OutboxState
from shared.domain.signal import SignalKind
from shared.errors import ConfigurationError, Refused, Unavailable, Uncertain
from shared.runtime.service import HealthStatus
from tests.makers import make_signal
from tests.services.telegram_notifier.stage import CHAT, Stage

ENTRY, EXIT = make_signal(), make_signal(SignalKind.EXIT)


def others(count):
    return [make_signal(symbol=f"S{number}USDT") for number in range(count)]


@pytest.fixture
async def stage():
    return Stage()


async def test_updates_that_wait_become_one_edit(stage):
    stage.chat.gates["send"] = asyncio.Event()
    async with stage.running():
        await stage.say(ENTRY, *(make_signal(SignalKind.UPDATE, revision=n, price=100 + n / 10) for n in range(1, 6)))
        stage.chat.gates["send"].set()
        await stage.pass_time(5_000)
    assert len(stage.chat.texts("edit")) == 1
    assert "100.5" in stage.chat.texts("edit")[0]


async def test_an_edit_that_would_change_nothing_is_not_sent(stage):
    async with stage.running():
        for revision in (1, 2):
            await stage.say(*([ENTRY] if revision == 1 else []), make_signal(SignalKind.UPDATE, revision=revision))
            await stage.pass_time(3_000)
    assert len(stage.chat.texts("edit")) == 1
    assert (await stage.store.load(CHAT, ENTRY.signal_id)).delivered_revision == 2


async def test_an_exit_overtakes_entries_that_wait(stage):
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(1_000)
        await stage.say(*others(5), EXIT)
        await stage.pass_time(60_000)
    methods = [method for method, *_ in stage.chat.calls]
    assert methods.index("edit") <= 2
    assert methods.count("send") == 6


async def test_no_minute_sees_more_than_the_budget_and_nothing_is_lost(stage):
    async with stage.running():
        await stage.say(*others(30))
        await stage.pass_time(59_000)
        assert len(stage.chat.calls) == 18
        await stage.pass_time(60_000)
    assert len(stage.chat.messages) == 30


async def test_a_send_without_answer_is_repeated_once_and_marked(stage):
    stage.chat.faults.append(Uncertain("no answer"))
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(10_000)
    first, second = stage.chat.texts("send")
    assert "possible repeat" not in first
    assert second.endswith("↻ possible repeat")


async def test_a_chat_that_asks_to_slow_down_is_left_alone_for_just_so_long():
    stage = Stage(chats=("-1", "-2"))
    stage.chat.faults.extend([Unavailable("slow down", retry_after=30_000)])
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(29_000)
        assert [chat for _, chat, _ in stage.chat.calls] == ["-1", "-2"]
        await stage.pass_time(2_000)
        assert [chat for _, chat, _ in stage.chat.calls] == ["-1", "-2", "-1"]


async def test_an_outage_is_waited_out_with_growing_pauses(stage):
    stage.chat.faults.extend([Unavailable("away")] * 6)
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(62_000)
        assert len(stage.chat.calls) == 6
        assert stage.service.health().status is HealthStatus.DEGRADED
        await stage.pass_time(5_000)
    assert len(stage.chat.messages) == 1


async def test_words_get_through_when_the_markup_does_not(stage):
    stage.chat.faults.append(Refused("can't parse entities", "bad_markup"))
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(2_000)  # the second request keeps within the budget
    assert "<" not in stage.chat.messages[1][0]
    assert "Take Profit" in stage.chat.messages[1][0]


async def test_a_message_that_was_deleted_is_sent_anew_with_the_result(stage):
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(2_000)
        stage.chat.messages.clear()
        await stage.say(EXIT)
        await stage.pass_time(3_000)
    ((text, _),) = stage.chat.messages.values()
    assert text.startswith("✅")
    assert "possible repeat" not in text


@pytest.mark.parametrize(
    "fault", [Refused("not an administrator", "forbidden"), ConfigurationError("telegram.token is wrong")]
)
async def test_what_the_operator_must_mend_is_in_the_health_and_is_tried_again(stage, fault):
    stage.chat.faults.append(fault)
    async with stage.running():
        await stage.say(ENTRY)
        health = stage.service.health()
        assert (health.status, health.detail) == (HealthStatus.DEGRADED, str(fault))
        await stage.pass_time(61_000)
        assert stage.service.health().status is HealthStatus.OK
    assert len(stage.chat.messages) == 1


async def test_a_slow_edit_delays_no_alert(stage):
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(2_000)
        stage.chat.gates["edit"] = asyncio.Event()
        await stage.say(EXIT)
        await stage.pass_time(2_000)
        await stage.say(*others(1))
        await stage.pass_time(2_000)
        assert len(stage.chat.messages) == 2
        stage.chat.gates["edit"].set()


async def test_being_stopped_lets_a_request_under_way_finish_and_stores_its_result(stage):
    stage.chat.gates["send"] = asyncio.Event()
    async with stage.running():
        await stage.say(ENTRY)
        asyncio.get_running_loop().call_later(0.02, stage.chat.gates["send"].set)
    assert (await stage.store.load(CHAT, ENTRY.signal_id)).state is OutboxState.SENT


async def test_an_edit_whose_answer_was_lost_is_over_before_a_newer_text_is_put_over_it(stage):
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(2_000)
        stage.chat.faults.append(Uncertain("no answer"))
        await stage.say(make_signal(SignalKind.UPDATE, price=100.4))
        await stage.pass_time(1_000)
        await stage.say(EXIT)
        await stage.pass_time(3_000)
        assert len(stage.chat.texts("edit")) == 1
        await stage.pass_time(3_000)
    (text,) = stage.chat.of(ENTRY.signal_id)
    assert text.startswith("✅")
