import json

import pytest

from shared.adapters.clock.manual import ManualClock
from shared.adapters.notifiers import transcript
from shared.domain.signal import Side
from shared.engine import chart_button
from shared.errors import Refused
from shared.ports import Button
from tests.makers import START


@pytest.fixture
async def notifier(tmp_path):
    made = transcript.create(transcript.Options(path=tmp_path / "out" / "messages.jsonl"), ManualClock())
    yield made
    await made.close()


def lines(tmp_path):
    text = (tmp_path / "out" / "messages.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


async def test_every_call_is_one_line_that_names_its_signal(notifier, tmp_path):
    button = Button("Chart", chart_button.data_for("s", "BTCUSDT", START, Side.LONG))
    assert await notifier.send("@a", "🟢", (button,)) == 1
    await notifier.edit("@a", 1, "✅", (button,))
    assert await notifier.send_photo("@a", b"1234", "c", 1) == 2
    await notifier.answer("q", "Drawing")
    name = f"s/BTCUSDT/{START}/LONG"
    assert lines(tmp_path) == [
        {"method": "send", "chat": "@a", "signal_id": name, "text": "🟢", "result": 1},
        {"method": "edit", "chat": "@a", "signal_id": name, "text": "✅", "result": 1},
        {"method": "send_photo", "chat": "@a", "signal_id": name, "text": "c", "picture_bytes": 4, "result": 2},
        {"method": "answer", "chat": None, "signal_id": None, "text": "Drawing", "result": "ok"},
    ]


async def test_an_edit_of_what_was_never_sent_is_written_down_and_refused(notifier, tmp_path):
    with pytest.raises(Refused) as caught:
        await notifier.edit("@a", 5, "x", ())
    assert caught.value.reason == "not_found"
    assert lines(tmp_path)[0]["result"] == "not_found"


async def test_nobody_presses(notifier):
    assert [press async for press in notifier.presses()] == []
