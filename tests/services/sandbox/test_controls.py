import pytest

from services.sandbox.faults import FAULTS

CHAT = "@signals"


async def test_controls_take_json_objects_only(sandbox):
    for path in ("/sandbox/press", "/sandbox/faults"):
        async with sandbox.http.post(sandbox.at.rest_url + path, data={"ws_half_open": "1"}) as response:
            assert response.status == 415
        async with sandbox.http.post(sandbox.at.rest_url + path, json=[]) as response:
            assert response.status == 400


async def test_faults_are_shown_switched_and_refused_with_a_reason(sandbox):
    status, shown = await sandbox.fault(rest_slow={"value": 5, "for_ms": 1_000}, ws_half_open=True)
    assert (status, set(shown["active"])) == (200, {"rest_slow", "ws_half_open"})
    assert await sandbox.get("/sandbox/faults") == shown
    assert set(shown["known"]) == set(FAULTS)
    status, refused = await sandbox.fault(ws_half_open=None, unheard_of=True)
    assert (status, list(refused)) == (400, ["error"])
    assert "ws_half_open" in (await sandbox.get("/sandbox/faults"))["active"]


async def test_a_cut_of_all_connections_is_over_when_it_has_happened(sandbox):
    assert "ws_drop" not in (await sandbox.fault(ws_drop=1001))[1]["active"]


async def test_calls_are_counted_as_they_were_answered(sandbox):
    await sandbox.fault(telegram_rate={"value": 3, "times": 1, "method": "sendMessage"})
    for _ in range(2):
        await sandbox.call("sendMessage", chat_id=CHAT, text="x")
    await sandbox.call("getUpdates")
    calls = await sandbox.get("/sandbox/calls")
    sends = calls["methods"]["sendMessage"]
    assert (sends["calls"], sends["too_many"], sends["busiest_minute"]) == (2, 1, 2)
    assert calls["methods"]["getUpdates"]["by_status"] == {"200": 1}
    assert calls["chats"][CHAT]["by_status"] == {"200": 1, "429": 1}


async def test_all_that_stood_in_the_channel_is_there_for_counting(sandbox):
    keys = {"inline_keyboard": [[{"text": "Chart", "callback_data": "c|s|BTCUSDT|60000|L"}]]}
    for text in ("a", "b", "c"):
        await sandbox.call("sendMessage", chat_id=CHAT, text=text, reply_markup=keys)
    await sandbox.call("editMessageText", chat_id=CHAT, message_id=1, text="A")
    await sandbox.call("deleteMessage", chat_id=CHAT, message_id=3)
    report = await sandbox.get("/sandbox/channel.json")
    assert [(m["text"], m["edits"], m["deleted"]) for m in report["messages"]] == [
        ("A", 1, False),
        ("b", 0, False),
        ("c", 0, True),
    ]
    assert report["signals"] == {"s/BTCUSDT/60000/LONG": 2}


@pytest.mark.parametrize("path", ["counters", "transcript"])
async def test_the_other_addresses_answer_json(sandbox, path):
    assert await sandbox.get(f"/sandbox/{path}") is not None
