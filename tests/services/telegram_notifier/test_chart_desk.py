import asyncio

import pytest

from shared.adapters.notifiers import transcript
from shared.engine import chart_button
from shared.errors import Unavailable
from tests.engine.chart_lines import make_trade, make_walk
from tests.makers import make_signal
from tests.services.telegram_notifier.stage import CHAT, Stage

WALK = make_walk()
ENTRY, _, EXIT = make_trade(WALK)
DATA = chart_button.data_for(ENTRY.strategy, ENTRY.symbol, ENTRY.open_time, ENTRY.side)


@pytest.fixture
async def stage():
    made = Stage()
    await made.store.write(WALK)
    return made


async def press(stage, data=DATA, message_id=1, chat=CHAT):
    stage.chat.press(data, message_id, chat)
    await stage.settle()


async def test_a_press_is_answered_at_once_and_the_chart_comes_as_a_reply(stage):
    stage.renderer.gate.clear()
    async with stage.running():
        await stage.say(ENTRY)
        await press(stage, stage.chat.messages[1][1][0].data)
        assert stage.chat.answers == [("q0", "Drawing the chart…")]
        assert stage.chat.photos == []
        stage.renderer.gate.set()
        await stage.pass_time(2_000)
        assert stage.chat.photos == [(b"png 1", 1)]
        assert stage.service.health().facts["charts"] == 1


async def test_the_button_works_for_ever_also_after_a_restart_and_shows_the_exit(stage):
    async with stage.running():
        await stage.say(ENTRY, EXIT)
    stage.new_service()
    async with stage.running():
        await press(stage)
        await stage.pass_time(2_000)
    assert stage.renderer.specs[0].exit is not None
    assert stage.chat.texts("send_photo")[0].startswith("✅")


async def test_a_button_too_small_for_its_id_finds_its_signal_by_its_digest(stage):
    long = make_signal(strategy="a_strategy_with_a_name_that_is_longer_than_buttons_are", open_time=ENTRY.open_time)
    async with stage.running():
        await stage.say(long)
        data = stage.chat.messages[1][1][0].data
        assert data.startswith("d|")
        await press(stage, data)
        await stage.pass_time(2_000)
    assert len(stage.chat.photos) == 1


async def test_pressing_again_and_again_gives_one_picture(stage):
    async with stage.running():
        await stage.say(ENTRY)
        for _ in range(5):
            await press(stage)
        await stage.pass_time(5_000)
        assert len(stage.chat.photos) == 1
        assert len(stage.chat.answers) == 5
        await stage.pass_time(30_000)
        await press(stage)
        await stage.pass_time(2_000)
    assert len(stage.chat.photos) == 2
    assert len(stage.renderer.specs) == 1


@pytest.mark.parametrize("data", ["", "c|x|BTCUSDT|1|L", "d|nothing", "something else"])
def test_a_button_nobody_knows_is_answered(data):
    async def scene():
        stage = Stage()
        async with stage.running():
            await press(stage, data)
        assert stage.chat.answers == [("q0", "This signal is not known here.")]
        assert stage.chat.calls == []

    asyncio.run(scene())


async def test_a_chart_that_cannot_be_drawn_says_so_in_a_line_and_may_be_asked_for_again(stage):
    stage.renderer.fault = Unavailable("worker died")
    async with stage.running():
        await stage.say(ENTRY)
        await press(stage)
        await stage.pass_time(3_000)
        assert stage.chat.texts("send")[-1].endswith("press again in a minute.")
        stage.renderer.fault = None
        await press(stage)
        await stage.pass_time(3_000)
    assert len(stage.chat.photos) == 1


async def test_a_picture_the_chat_had_no_time_for_is_sent_later(stage):
    async with stage.running():
        await stage.say(ENTRY)
        await stage.pass_time(2_000)
        stage.chat.faults.append(Unavailable("slow down", retry_after=20_000))
        await press(stage)
        await stage.pass_time(19_000)
        assert stage.chat.photos == []
        await stage.pass_time(3_000)
    assert len(stage.chat.photos) == 1


async def test_a_channel_set_by_its_name_is_known_by_its_message():
    stage = Stage(chats=("@signals",), budget=2)
    await stage.store.write(WALK)
    async with stage.running():
        await stage.say(ENTRY)
        await press(stage, chat="-100999")
        await stage.pass_time(30_000)
        assert stage.chat.photos == [], "the chart keeps the budget of the channel"
        await stage.pass_time(35_000)
    assert len(stage.chat.photos) == 1


async def test_a_slow_chart_delays_no_alert(stage):
    stage.renderer.gate.clear()
    async with stage.running():
        await stage.say(ENTRY)
        await press(stage)
        await stage.pass_time(2_000)
        await stage.say(make_signal(symbol="ETHUSDT"))
        await stage.pass_time(2_000)
        assert len(stage.chat.messages) == 2


async def test_a_notifier_without_buttons_leaves_the_service_running(tmp_path):
    stage = Stage()
    stage.chat = transcript.create(transcript.Options(path=tmp_path / "messages.jsonl"), stage.clock)
    stage.new_service()
    async with stage.running():
        await stage.say(ENTRY)
    await stage.chat.close()
    assert ENTRY.signal_id in (tmp_path / "messages.jsonl").read_text(encoding="utf-8")
