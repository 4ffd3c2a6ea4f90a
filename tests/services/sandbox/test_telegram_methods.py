import pytest

from services.sandbox.channel import Channel
from services.sandbox.telegram_error import TelegramError
from services.sandbox.telegram_methods import TelegramMethods
from services.sandbox.updates import Updates
from shared.adapters.clock.manual import ManualClock

CHAT = "@signals"


@pytest.fixture
def call():
    clock = ManualClock()
    methods = TelegramMethods(Channel(clock, CHAT, "Signals"), Updates(clock), {"id": 1, "is_bot": True})
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
