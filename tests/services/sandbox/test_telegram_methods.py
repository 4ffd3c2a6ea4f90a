import pytest

from services.sandbox.album import Album
from services.sandbox.channel import Channel
from services.sandbox.telegram_error import TelegramError
from services.sandbox.telegram_methods import TelegramMethods
from services.sandbox.updates import Updates
from shared.adapters.clock.manual import ManualClock

CHAT, OPERATIONS = "@signals", "@operations"


@pytest.fixture
def call():
    clock = ManualClock()
    channels = Channel(clock, CHAT, "Signals"), Channel(clock, OPERATIONS, "Operations", number=2)
    methods = TelegramMethods(channels, Album(), Updates(clock), {"id": 1, "is_bot": True})
    return lambda name, **parameters: methods.find(name)(parameters)


async def test_commands_are_remembered(call):
    assert await call("setMyCommands", commands='[{"command": "start", "description": "begin"}]') is True
    assert await call("getMyCommands") == [{"command": "start", "description": "begin"}]


async def test_there_is_never_a_webhook(call):
    assert await call("deleteWebhook") is True
    assert (await call("getWebhookInfo"))["url"] == ""


async def test_a_reply_to_a_lost_message_can_be_allowed(call):
    reply = {"message_id": 9, "allow_sending_without_reply": True}
    assert "reply_to_message" not in await call("sendMessage", chat_id=CHAT, text="x", reply_parameters=reply)


async def test_a_quoted_message_does_not_quote_its_own(call):
    await call("sendMessage", chat_id=CHAT, text="one")
    await call("sendMessage", chat_id=CHAT, text="two", reply_to_message_id="1")
    third = await call("sendMessage", chat_id=CHAT, text="three", reply_to_message_id="2")
    assert third["reply_to_message"]["text"] == "two"
    assert "reply_to_message" not in third["reply_to_message"]


@pytest.mark.parametrize(
    ("photo", "words"),
    [
        (None, "there is no photo in the request"),
        ("https://example.org/a.png", "failed to get HTTP URL content"),
        ("unknown-id", "wrong file identifier/HTTP URL specified"),
    ],
)
async def test_only_uploads_and_known_files_are_photos(call, photo, words):
    with pytest.raises(TelegramError, match=words):
        await call("sendPhoto", chat_id=CHAT, photo=photo)


async def test_other_media_than_photos_are_refused(call):
    await call("sendMessage", chat_id=CHAT, text="one")
    with pytest.raises(TelegramError, match="only photos"):
        await call("editMessageMedia", chat_id=CHAT, message_id=1, media='{"type": "video"}')


async def test_a_forwarded_message_keeps_its_text_and_origin_but_not_its_buttons(call):
    keys = {"inline_keyboard": [[{"text": "Chart", "callback_data": "c"}]]}
    await call("sendMessage", chat_id=CHAT, text="<b>one</b>", parse_mode="HTML", reply_markup=keys)
    edited = await call("editMessageText", chat_id=CHAT, message_id=1, text="<i>two</i>", parse_mode="HTML")
    copy = await call("forwardMessage", chat_id=OPERATIONS, from_chat_id=CHAT, message_id=1)
    assert (copy["chat"]["username"], copy["message_id"]) == ("operations", 1)
    assert (copy["text"], copy["entities"][0]["type"]) == ("two", "italic")
    assert not {"reply_markup", "edit_date"} & set(copy)
    origin = {"type": "channel", "chat": edited["chat"], "message_id": 1, "date": edited["date"]}
    assert copy["forward_origin"] == origin
    back = await call("forwardMessage", chat_id=CHAT, from_chat_id=OPERATIONS, message_id=1)
    assert (back["message_id"], back["forward_origin"]) == (2, origin)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"message_id": 1}, "message can't be forwarded"),
        ({"message_id": 2}, "message to forward not found"),
        ({"message_id": 3}, "message to forward not found"),
        ({"message_id": 1, "from_chat_id": "@other"}, "chat not found"),
        ({"message_id": 1, "chat_id": "@other"}, "chat not found"),
        ({"message_id": 1, "from_chat_id": ""}, "from_chat_id is empty"),
    ],
)
async def test_what_is_protected_deleted_or_unknown_is_not_forwarded(call, parameters, words):
    await call("sendMessage", chat_id=CHAT, text="one", protect_content="true")
    await call("sendMessage", chat_id=CHAT, text="two")
    await call("deleteMessage", chat_id=CHAT, message_id=2)
    with pytest.raises(TelegramError, match=words):
        await call("forwardMessage", **{"chat_id": OPERATIONS, "from_chat_id": CHAT, **parameters})


async def test_each_chat_deletes_its_own(call):
    for chat in (CHAT, OPERATIONS):
        await call("sendMessage", chat_id=chat, text="one")
    assert await call("deleteMessage", chat_id=OPERATIONS, message_id=1) is True
    assert (await call("editMessageText", chat_id=CHAT, message_id=1, text="still here"))["text"] == "still here"
    with pytest.raises(TelegramError, match="message to delete not found"):
        await call("deleteMessage", chat_id=OPERATIONS, message_id=1)
