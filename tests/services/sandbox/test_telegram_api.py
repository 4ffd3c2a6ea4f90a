import asyncio
import io

import aiohttp
import pytest
from PIL import Image

from tests.makers import START

CHAT, OPERATIONS = "@signals", "@sandbox_operations"
KEYS = {"inline_keyboard": [[{"text": "📊 Chart", "callback_data": "chart:1"}]]}


def png(width=64, height=40):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


async def test_a_channel_post_has_a_sender_chat_and_no_from(sandbox):
    message = await sandbox.call(
        "sendMessage", chat_id=CHAT, text="<b>x</b> &amp; y", parse_mode="HTML", reply_markup=KEYS
    )
    assert message["text"] == "x & y"
    assert message["entities"] == [{"offset": 0, "length": 1, "type": "bold"}]
    assert message["sender_chat"] == message["chat"]
    assert message["chat"]["type"] == "channel"
    assert message["chat"]["id"] < -1_000_000_000_000
    assert message["reply_markup"] == KEYS
    assert message["date"] == START // 1000
    assert "from" not in message


@pytest.mark.parametrize("encoding", ["query", "form", "multipart", "json"])
async def test_parameters_come_in_every_encoding_and_method_names_in_any_case(sandbox, encoding):
    url = sandbox.at.telegram_base_url + "1:sandbox/sendMESSAGE"
    fields = {"chat_id": CHAT, "text": "hello"}
    multipart = aiohttp.FormData(fields, default_to_multipart=True)
    options = {"query": {"params": fields}, "form": {"data": fields}, "multipart": {"data": multipart}}
    async with sandbox.http.post(url, **options.get(encoding, {"json": fields})) as response:
        assert (await response.json())["result"]["text"] == "hello"


@pytest.mark.parametrize(
    ("token", "method", "status", "description"),
    [
        ("nocolon", "getMe", 401, "Unauthorized: invalid token specified"),
        ("2:other", "getMe", 401, "Unauthorized"),
        ("1:sandbox", "getNothing", 404, "Not Found: method not found"),
    ],
)
async def test_wrong_tokens_and_methods(sandbox, token, method, status, description):
    answer = await sandbox.call(method, token=token)
    assert (answer["status"], answer["description"]) == (status, description)


@pytest.mark.parametrize(
    ("method", "parameters", "description"),
    [
        ("sendMessage", {"chat_id": "@other", "text": "x"}, "chat not found"),
        ("sendMessage", {"text": "x"}, "chat_id is empty"),
        ("sendMessage", {"chat_id": CHAT, "text": " \n"}, "message text is empty"),
        ("sendMessage", {"chat_id": CHAT, "text": "😀" * 4097}, "message is too long"),
        ("sendMessage", {"chat_id": CHAT, "text": "é" * 17_000}, "text is too long"),
        (
            "sendMessage",
            {"chat_id": CHAT, "text": "a < b", "parse_mode": "HTML"},
            'can\'t parse entities: Unsupported start tag "" at byte offset 2',
        ),
        (
            "sendMessage",
            {
                "chat_id": CHAT,
                "text": "x",
                "reply_markup": {"inline_keyboard": [[{"text": "b", "callback_data": "é" * 33}]]},
            },
            "BUTTON_DATA_INVALID",
        ),
        (
            "sendMessage",
            {"chat_id": CHAT, "text": "x", "reply_parameters": {"message_id": 99}},
            "message to be replied not found",
        ),
        ("sendPhoto", {"chat_id": CHAT, "photo": b"no picture"}, "IMAGE_PROCESS_FAILED"),
        ("sendPhoto", {"chat_id": CHAT, "photo": png(2_100, 100)}, "PHOTO_INVALID_DIMENSIONS"),
        ("sendPhoto", {"chat_id": CHAT, "photo": png(), "caption": "c" * 1025}, "message caption is too long"),
        ("editMessageText", {"chat_id": CHAT, "message_id": "99", "text": "x"}, "message to edit not found"),
        (
            "editMessageText",
            {"chat_id": CHAT, "message_id": "2", "text": "x"},
            "there is no text in the message to edit",
        ),
        (
            "editMessageCaption",
            {"chat_id": CHAT, "message_id": "1", "caption": "x"},
            "there is no caption in the message to edit",
        ),
        ("editMessageText", {"chat_id": CHAT, "message_id": "1", "text": "x" * 4097}, "MESSAGE_TOO_LONG"),
        ("editMessageCaption", {"chat_id": CHAT, "message_id": "2", "caption": "x" * 1025}, "MEDIA_CAPTION_TOO_LONG"),
        ("deleteMessage", {"chat_id": CHAT, "message_id": "99"}, "message to delete not found"),
        (
            "answerCallbackQuery",
            {"callback_query_id": "1"},
            "query is too old and response timeout expired or query ID is invalid",
        ),
    ],
)
async def test_refusals_are_worded_as_the_server_words_them(sandbox, method, parameters, description):
    await sandbox.call("sendMessage", chat_id=CHAT, text="a text")
    await sandbox.call("sendPhoto", chat_id=CHAT, photo=png())
    answer = await sandbox.call(method, **parameters)
    assert (answer["status"], answer["description"]) == (400, f"Bad Request: {description}")


async def test_4096_emoji_are_one_message(sandbox):
    assert (await sandbox.call("sendMessage", chat_id=CHAT, text="😀" * 4096))["message_id"] == 1


async def test_an_edit_replaces_text_marks_the_time_and_removes_a_keyboard_not_sent_again(sandbox):
    await sandbox.call("sendMessage", chat_id=CHAT, text="<b>one</b>", parse_mode="HTML", reply_markup=KEYS)
    sandbox.clock.advance_to(START + 65_000)
    edited = await sandbox.call("editMessageText", chat_id=CHAT, message_id=1, text="two")
    assert (edited["text"], edited["edit_date"]) == ("two", START // 1000 + 65)
    assert not {"reply_markup", "entities"} & set(edited)
    again = await sandbox.call("editMessageText", chat_id=CHAT, message_id=1, text="two")
    assert again["description"].startswith("Bad Request: message is not modified")
    with_keys = await sandbox.call("editMessageReplyMarkup", chat_id=CHAT, message_id=1, reply_markup=KEYS)
    assert with_keys["reply_markup"] == KEYS


async def test_a_photo_replies_to_its_message_and_a_text_can_become_a_photo(sandbox):
    await sandbox.call("sendMessage", chat_id=CHAT, text="one")
    photo = await sandbox.call("sendPhoto", chat_id=CHAT, photo=png(), reply_parameters={"message_id": 1})
    assert photo["reply_to_message"]["text"] == "one"
    assert (photo["photo"][-1]["width"], photo["photo"][-1]["height"]) == (64, 40)
    media = {"type": "photo", "media": "attach://picture", "caption": "now"}
    edited = await sandbox.call("editMessageMedia", chat_id=CHAT, message_id=1, media=media, picture=png())
    assert edited["caption"] == "now"
    assert "text" not in edited
    counters = sandbox.service.counters
    assert (counters.messages, counters.edits, counters.pictures) == (2, 1, 1)
    async with sandbox.http.get(f"{sandbox.at.rest_url}/sandbox/photos/{photo['photo'][-1]['file_id']}") as response:
        assert await response.read() == png()


async def press(sandbox, message_id=1, data="chart:1"):
    body = {"message_id": message_id, "data": data}
    async with sandbox.http.post(sandbox.at.rest_url + "/sandbox/press", json=body) as response:
        return response.status, await response.json()


async def test_a_press_reaches_a_waiting_poll_and_is_answered_once(sandbox):
    await sandbox.call("sendMessage", chat_id=CHAT, text="one", reply_markup=KEYS)
    poll = asyncio.create_task(sandbox.call("getUpdates", timeout=20, allowed_updates=["callback_query"]))
    status, pressed = await press(sandbox)
    (update,) = await poll
    query = update["callback_query"]
    assert status == 200
    assert (query["id"], query["data"], query["message"]["message_id"]) == (pressed["id"], "chart:1", 1)
    assert await sandbox.call("answerCallbackQuery", callback_query_id=query["id"], text="soon") is True
    assert (await sandbox.call("answerCallbackQuery", callback_query_id=query["id"]))["status"] == 400
    assert await sandbox.call("getUpdates", offset=update["update_id"]) == [update]
    assert await sandbox.call("getUpdates", offset=update["update_id"] + 1) == []


async def test_a_button_that_is_not_there_cannot_be_pressed(sandbox):
    await sandbox.call("sendMessage", chat_id=CHAT, text="one", reply_markup=KEYS)
    assert (await press(sandbox, data="other"))[0] == 404
    assert (await press(sandbox, message_id=2))[0] == 404


async def test_a_callback_query_is_kept_150_seconds(sandbox):
    await sandbox.call("sendMessage", chat_id=CHAT, text="one", reply_markup=KEYS)
    _, pressed = await press(sandbox)
    sandbox.clock.advance_to(START + 149_000)
    assert len(await sandbox.call("getUpdates")) == 1
    sandbox.clock.advance_to(START + 151_000)
    assert await sandbox.call("getUpdates") == []
    assert (await sandbox.call("answerCallbackQuery", callback_query_id=pressed["id"]))["status"] == 400


async def test_sends_and_edits_share_one_budget_a_minute_and_chat(sandbox):
    await sandbox.fault(telegram_limit=2)
    await sandbox.call("sendMessage", chat_id=CHAT, text="one")
    sandbox.clock.advance_to(START + 10_000)
    await sandbox.call("editMessageText", chat_id=CHAT, message_id=1, text="two")
    url = sandbox.at.telegram_base_url + "1:sandbox/sendMessage"
    async with sandbox.http.post(url, data={"chat_id": CHAT, "text": "x"}) as response:
        body = await response.json()
        assert (response.status, response.headers["Retry-After"]) == (429, "50")
    assert body["parameters"] == {"retry_after": 50}
    assert body["description"] == "Too Many Requests: retry after 50"
    assert (await sandbox.call("sendMessage", chat_id=OPERATIONS, text="elsewhere"))["message_id"] == 1
    forwarded = {"chat_id": OPERATIONS, "from_chat_id": CHAT, "message_id": 1}
    assert (await sandbox.call("forwardMessage", **forwarded))["message_id"] == 2
    assert (await sandbox.call("forwardMessage", **forwarded))["parameters"] == {"retry_after": 60}
    sandbox.clock.advance_to(START + 60_000)
    assert (await sandbox.call("sendMessage", chat_id=CHAT, text="three"))["message_id"] == 2


async def test_faults_answer_429_and_5xx_as_often_as_told_and_for_the_method_told(sandbox):
    await sandbox.fault(telegram_rate={"value": 7, "times": 1, "method": "sendMessage"})
    assert (await sandbox.call("getMe"))["is_bot"] is True
    limited = await sandbox.call("sendMessage", chat_id=CHAT, text="x")
    assert (limited["status"], limited["parameters"]) == (429, {"retry_after": 7})
    await sandbox.fault(telegram_error={"value": 502, "times": 1})
    assert (await sandbox.call("getMe"))["description"] == "Bad Gateway"
    assert (await sandbox.call("sendMessage", chat_id=CHAT, text="x"))["message_id"] == 1


async def test_a_flood_wait_can_be_for_one_chat_alone(sandbox):
    await sandbox.fault(telegram_rate={"value": 7, "chat": CHAT})
    assert (await sandbox.call("sendMessage", chat_id=CHAT, text="x"))["status"] == 429
    assert (await sandbox.call("sendMessage", chat_id=OPERATIONS, text="x"))["message_id"] == 1


async def test_a_poll_can_be_told_that_there_is_another_one(sandbox):
    await sandbox.fault(telegram_conflict={"value": True, "for_ms": 1_000})
    assert (await sandbox.call("getMe"))["is_bot"] is True
    answer = await sandbox.call("getUpdates")
    assert answer["status"] == 409
    assert answer["description"].startswith("Conflict: terminated by other getUpdates request")
    sandbox.clock.advance_to(START + 1_000)
    assert await sandbox.call("getUpdates") == []


async def test_markup_can_be_refused_and_plain_text_is_taken(sandbox):
    await sandbox.fault(telegram_markup=True)
    refused = await sandbox.call("sendMessage", chat_id=CHAT, text="<b>x</b>", parse_mode="HTML")
    assert (refused["status"], refused["description"][:32]) == (400, "Bad Request: can't parse entitie")
    assert (await sandbox.call("sendMessage", chat_id=CHAT, text="x", parse_mode="HTML"))["message_id"] == 1


async def test_a_share_of_the_sends_is_carried_out_and_not_answered(sandbox):
    await sandbox.fault(telegram_timeout_share={"value": 100, "times": 1})
    assert (await sandbox.call("getMe"))["is_bot"] is True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await sandbox.call("sendMessage", chat_id=CHAT, text="x")
    assert (await sandbox.call("sendMessage", chat_id=CHAT, text="y"))["message_id"] == 2


@pytest.mark.parametrize(("fault", "messages"), [("telegram_swallow", 1), ("telegram_refuse", 0)])
async def test_a_connection_can_end_after_or_before_the_call_is_carried_out(sandbox, fault, messages):
    await sandbox.fault(**{fault: {"value": True, "times": 1}})
    with pytest.raises(aiohttp.ClientError):
        await sandbox.call("sendMessage", chat_id=CHAT, text="x")
    assert sandbox.service.counters.messages == messages


async def test_the_transcript_holds_calls_results_and_market_time_but_no_token(sandbox):
    await sandbox.call("sendMessage", chat_id=CHAT, text="x")
    await sandbox.call("sendPhoto", chat_id=CHAT, photo=png())
    await sandbox.call("sendMessage", chat_id="@other", text="x")
    await sandbox.call("getUpdates")
    calls = await sandbox.get("/sandbox/transcript")
    assert [(call["method"], call["status"]) for call in calls] == [
        ("sendMessage", 200),
        ("sendPhoto", 200),
        ("sendMessage", 400),
    ]
    assert calls[0]["time"] == START
    assert calls[1]["parameters"]["photo"] == {"bytes": len(png())}
    assert "1:sandbox" not in str(calls)
