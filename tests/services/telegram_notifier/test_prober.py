import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.notice import Notice, NoticeKind, stale_id
from shared.domain.outbox_entry import OutboxState
from shared.domain.signal import SignalKind
from shared.engine import message_text
from shared.errors import Refused, Unavailable, Uncertain
from shared.runtime import metrics
from shared.runtime.service import HealthStatus
from tests.makers import EXCHANGE, START, SYMBOL, make_signal
from tests.services.telegram_notifier.stage import CHAT, Stage

FIRST, ENTRY, EXIT = make_signal(symbol="ETHUSDT"), make_signal(), make_signal(SignalKind.EXIT)


@pytest.fixture
async def stage():
    made = Stage()
    made.chat.can_peek = True
    return made


async def told_first(stage):
    """A first message, so that an id of the chat is known."""
    await stage.say(FIRST)
    await stage.pass_time(2_000)


def peeks(stage):
    return [call[2] for call in stage.chat.calls if call[0] == "peek"]


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("gap", [0, 9])
async def test_a_lost_send_leaves_one_message_without_a_mark(stage, carried_out, gap):
    async with stage.running():
        await told_first(stage)
        stage.chat.newest += gap  # posts of others, deleted since
        stage.chat.lost.append(carried_out)
        await stage.say(ENTRY)
        await stage.pass_time(8_000)
        await stage.say(EXIT)
        await stage.pass_time(4_000)
    (text,) = stage.chat.of(ENTRY.signal_id)
    assert text.startswith("✅")
    assert "possible repeat" not in "".join(stage.chat.texts("send"))
    assert len(stage.chat.texts("send")) == (2 if carried_out else 3)
    assert len(stage.chat.texts("edit")) == 1


async def test_nothing_is_looked_at_before_the_send_has_settled_edits_go_on_and_other_signals_wait(stage):
    later, leave = (
        make_signal(symbol="SOLUSDT", entry_time=START + 61_000),
        make_signal(SignalKind.EXIT, symbol="ETHUSDT"),
    )
    async with stage.running():
        await told_first(stage)
        stage.chat.lost.append(False)
        await stage.say(ENTRY)
        await stage.say(later, leave)
        await stage.pass_time(4_000)
        assert (peeks(stage), len(stage.chat.texts("send")), len(stage.chat.texts("edit"))) == ([], 2, 1)
        await stage.pass_time(2_000)
        assert peeks(stage)[0] == 2
        await stage.pass_time(4_000)
    sent = [message_text.short_id(signal.signal_id) for signal in (FIRST, ENTRY, ENTRY, later)]
    assert all(name in text for name, text in zip(sent, stage.chat.texts("send"), strict=True))


async def test_nothing_is_repeated_unseen_before_the_other_side_answers_at_all(stage, monkeypatch):
    stage.chat.can_peek, faults, asked = False, [Uncertain("no answer"), Unavailable("away", 20_000)], []

    async def answer(press_id, text):
        asked.append((press_id, text))
        if faults:
            raise faults.pop(0)

    monkeypatch.setattr(stage.chat, "answer", answer)
    stage.chat.lost.append(False)
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(7_000)
        assert stage.service.health().status is HealthStatus.DEGRADED
        await stage.pass_time(17_000)
        assert (len(asked), len(stage.chat.texts("send"))) == (2, 1)
        await stage.pass_time(4_000)
        assert stage.service.health().status is HealthStatus.OK
    (text,) = stage.chat.of(ENTRY.signal_id)
    assert text.endswith("possible repeat")
    assert set(asked) == {("0", "")}


async def test_the_newest_id_is_known_to_the_next_process_and_grows_by_what_was_seen(stage):
    async with stage.running():
        await told_first(stage)
    for number in range(3):
        stage.chat.post(f"somebody else {number}")
    stage.chat.lost.append(False)
    stage.new_service()
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(7_000)
        assert peeks(stage) == list(range(2, 15))
        assert (await stage.store.load(CHAT, ENTRY.signal_id)).message_id == 5
        stage.chat.lost.append(True)
        await stage.say(make_signal(symbol="SOLUSDT"))
        await stage.pass_time(7_000)
    assert peeks(stage)[13:] == [6]


@pytest.mark.parametrize("executes", [True, False])
async def test_a_process_that_dies_with_a_send_under_way_leaves_one_message(stage, executes):
    async with stage.running():
        await told_first(stage)
    stage.new_service()
    async with stage.killed_while_sending(ENTRY) as carried_out_late:
        stage.new_service()
        async with stage.running():
            await stage.pass_time(2_000)
            if executes:
                carried_out_late.set()
            await stage.pass_time(6_000)
            assert len(stage.chat.of(ENTRY.signal_id)) == 1
            await stage.say(EXIT)
            await stage.pass_time(4_000)
            (text,) = stage.chat.of(ENTRY.signal_id)
    assert text.startswith("✅")
    assert "possible repeat" not in text


async def test_looking_that_is_not_possible_now_is_tried_again_however_long(stage):
    async with stage.running():
        await told_first(stage)
        stage.chat.lost.append(True)
        stage.chat.peek_faults.extend([Unavailable("slow down", retry_after=30_000), *[Unavailable("away")] * 3])
        await stage.say(ENTRY)
        await stage.pass_time(36_000)
        assert (len(peeks(stage)), stage.service.health().status) == (2, HealthStatus.DEGRADED)
        await stage.pass_time(15_000)
        assert stage.service.health().status is HealthStatus.OK
    assert peeks(stage) == [2] * 5
    assert len(stage.chat.of(ENTRY.signal_id)) == 1
    assert (await stage.store.load(CHAT, ENTRY.signal_id)).state is OutboxState.SENT


@pytest.mark.parametrize("fault", [Refused("no rights", "forbidden"), Refused("it is protected", "bad_request")])
async def test_where_looking_is_refused_the_send_is_repeated_once_and_marked(stage, fault):
    async with stage.running():
        await told_first(stage)
        stage.chat.lost.append(False)
        stage.chat.peek_faults.append(fault)
        await stage.say(ENTRY)
        await stage.pass_time(12_000)
    (text,) = stage.chat.of(ENTRY.signal_id)
    assert text.endswith("possible repeat")


async def test_the_very_first_message_of_a_chat_falls_back_to_a_marked_repeat(stage):
    stage.chat.lost.append(True)
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(12_000)
    assert peeks(stage) == []
    assert [text.endswith("possible repeat") for text in stage.chat.of(ENTRY.signal_id)] == [False, True]


async def test_a_copy_that_somebody_else_made_is_passed_over(stage, monkeypatch):
    edit = stage.chat.edit

    async def edit_ours(chat, message_id, text, buttons):
        if message_id == 2:
            raise Refused("somebody else's", "not_editable")
        await edit(chat, message_id, text, buttons)

    monkeypatch.setattr(stage.chat, "edit", edit_ours)
    async with stage.running():
        await told_first(stage)
        stage.chat.post(f"look at {message_text.short_id(ENTRY.signal_id)} !")
        stage.chat.lost.append(False)
        await stage.say(ENTRY)
        await stage.pass_time(20_000)
        entry = await stage.store.load(CHAT, ENTRY.signal_id)
    assert (entry.state, entry.message_id) == (OutboxState.SENT, 3)
    assert len(stage.chat.of(ENTRY.signal_id)) == 2


async def test_a_notice_is_found_like_a_signal(stage):
    notice = Notice(stale_id(EXCHANGE, START), 0, NoticeKind.STALE, EXCHANGE, (SYMBOL,), START, START)
    async with stage.running():
        await told_first(stage)
        stage.chat.lost.append(True)
        await stage.announce(notice)
        await stage.pass_time(8_000)
    assert len(stage.chat.of(notice.notice_id)) == 1


async def test_searches_are_counted_by_what_they_say(stage):
    def count(result):
        return metrics.PROBES.labels(result)._value.get()

    before = {result: count(result) for result in ("same", "absent", "unavailable")}
    async with stage.running():
        await told_first(stage)
        for number, carried_out in enumerate((True, False)):
            stage.chat.lost.append(carried_out)
            stage.chat.peek_faults.append(Unavailable("away"))
            await stage.say(make_signal(symbol=f"S{number}USDT"))
            await stage.pass_time(9_000)
    assert {result: count(result) - before[result] for result in before} == {"same": 1, "absent": 1, "unavailable": 2}


EVENTS = st.lists(st.sampled_from(["ok", "carried out", "not carried out", "foreign", "deleted", "kill"]), max_size=8)


@settings(max_examples=20, deadline=None)
@given(EVENTS)
def test_whatever_happens_each_signal_has_one_message_and_no_mark(events):
    asyncio.run(_life(events))


async def _life(events):
    stage = Stage(budget=0)
    stage.chat.can_peek = True
    async with stage.running():
        await told_first(stage)
    signals = []
    for number, event in enumerate(events):
        signal = make_signal(symbol=f"S{number}USDT")
        if event == "foreign":
            stage.chat.post("hello")
            continue
        if event == "deleted":
            stage.chat.newest += 2
            continue
        signals.append(signal)
        stage.new_service()
        if event == "kill":
            async with stage.killed_while_sending(signal) as carried_out:
                if number % 2:
                    carried_out.set()
                stage.new_service()
                async with stage.running():
                    await stage.pass_time(7_000)
            continue
        stage.chat.lost.extend({"carried out": [True], "not carried out": [False]}.get(event, []))
        async with stage.running():
            await stage.say(signal)
            await stage.pass_time(7_000)
    for signal in signals:
        (text,) = stage.chat.of(signal.signal_id)
        assert "possible repeat" not in text
