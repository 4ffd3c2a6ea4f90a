"""What every `Notifier` promises, shown over each adapter in the folder."""

import io
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image

from shared.adapters import loader
from shared.adapters.clock.manual import ManualClock
from shared.errors import Refused
from shared.ports import Button
from tests.services.sandbox.running_sandbox import CHAT, TOKEN, running

BUTTONS = (Button("Chart", "c|s|BTCUSDT|1|L"),)


@dataclass
class World:
    """Where an adapter tells its messages.

    Attributes:
        options: Of the adapter.
        seen: What people have seen so far, in any form.
        delete: Takes a message away behind the adapter's back; None where nobody can.
        adapter: Its name.
    """

    options: dict[str, Any]
    seen: Any
    delete: Any = None
    adapter: str = ""


@asynccontextmanager
async def _telegram(_):
    async with running() as sandbox:

        async def seen():
            return (await sandbox.get("/sandbox/channel.json"))["messages"]

        async def delete(message_id):
            assert await sandbox.call("deleteMessage", chat_id=CHAT, message_id=message_id) is True

        options = {
            "token": TOKEN,
            "base_url": sandbox.at.telegram_base_url,
            "operations_chat": "@sandbox_operations",
        }
        yield World(options, seen, delete)


@asynccontextmanager
async def _transcript(folder):
    path = folder / "messages.jsonl"

    async def seen():
        return path.read_text(encoding="utf-8").splitlines()

    yield World({"path": path}, seen)


WORLDS = {"telegram": _telegram, "transcript": _transcript}


@pytest.fixture(params=loader.names("notifiers"))
async def world(request, tmp_path):
    async with WORLDS[request.param](tmp_path) as made:
        made.adapter = request.param
        yield made


@pytest.fixture
async def notifier(world):
    module = loader.load("notifiers", world.adapter)
    made = module.create(module.Options(**world.options), ManualClock())
    yield made
    await made.close()


@pytest.fixture
def png():
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3)).save(buffer, "PNG")
    return buffer.getvalue()


async def test_each_message_has_an_id_of_its_own(notifier, png):
    ids = [await notifier.send(CHAT, "<b>a</b>", BUTTONS), await notifier.send(CHAT, "b", ())]
    ids.append(await notifier.send_photo(CHAT, png, "c", ids[0]))
    assert len(set(ids)) == 3


async def test_editing_twice_to_the_same_is_success(notifier):
    message_id = await notifier.send(CHAT, "a", BUTTONS)
    for _ in range(2):
        await notifier.edit(CHAT, message_id, "b &amp; c", BUTTONS)


async def test_editing_what_is_not_there_is_refused_as_not_found(notifier):
    with pytest.raises(Refused) as caught:
        await notifier.edit(CHAT, 999, "a", BUTTONS)
    assert caught.value.reason == "not_found"


async def test_a_press_that_is_too_old_is_ignored(notifier):
    await notifier.answer("old", "Drawing")


async def test_a_picture_may_stand_alone(notifier, png):
    assert await notifier.send_photo(CHAT, png, "", None) > 0


async def test_a_look_shows_the_plain_text_as_it_stands_and_nobody_notices(notifier, world):
    assert notifier.can_peek is True
    message_id = await notifier.send(CHAT, "first", BUTTONS)
    await notifier.edit(CHAT, message_id, "<b>a</b> &lt; <i>b</i> &amp;\nc", BUTTONS)
    before = await world.seen()
    assert [await notifier.peek(CHAT, message_id) for _ in range(2)] == ["a < b &\nc"] * 2
    assert await world.seen() == before


async def test_a_look_at_a_picture_shows_its_caption(notifier, png):
    ids = [await notifier.send_photo(CHAT, png, caption, None) for caption in ("<b>chart</b>", "")]
    assert [await notifier.peek(CHAT, message_id) for message_id in ids] == ["chart", ""]


async def test_a_look_at_nothing_shows_none_and_nobody_notices(notifier, world):
    message_id = await notifier.send(CHAT, "a", ())
    before = await world.seen()
    assert await notifier.peek(CHAT, message_id + 1) is None
    assert await world.seen() == before


async def test_a_look_at_a_deleted_message_shows_none(notifier, world):
    if world.delete is None:
        pytest.skip("nobody can delete what this adapter wrote")
    message_id = await notifier.send(CHAT, "a", ())
    await world.delete(message_id)
    assert await notifier.peek(CHAT, message_id) is None
