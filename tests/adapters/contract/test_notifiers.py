"""What every `Notifier` promises, shown over each adapter in the folder."""

from contextlib import asynccontextmanager

import pytest

from shared.adapters import loader
from shared.adapters.clock.manual import ManualClock
from shared.errors import Refused
from shared.ports import Button
from tests.adapters.notifiers.bot_api import TOKEN, bot_api

CHAT = "-100"
BUTTONS = (Button("Chart", "c|s|BTCUSDT|1|L"),)


@asynccontextmanager
async def _telegram(_):
    async with bot_api() as api:
        yield {"token": TOKEN, "base_url": api.url}


@asynccontextmanager
async def _transcript(folder):
    yield {"path": folder / "messages.jsonl"}


SETTINGS = {"telegram": _telegram, "transcript": _transcript}


@pytest.fixture(params=loader.names("notifiers"))
async def notifier(request, tmp_path):
    module = loader.load("notifiers", request.param)
    async with SETTINGS[request.param](tmp_path) as options:
        made = module.create(module.Options(**options), ManualClock())
        yield made
        await made.close()


async def test_each_message_has_an_id_of_its_own(notifier):
    ids = [await notifier.send(CHAT, "<b>a</b>", BUTTONS), await notifier.send(CHAT, "b", ())]
    ids.append(await notifier.send_photo(CHAT, b"\x89PNG", "c", ids[0]))
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


async def test_a_picture_may_stand_alone(notifier):
    assert await notifier.send_photo(CHAT, b"\x89PNG", "", None) > 0
