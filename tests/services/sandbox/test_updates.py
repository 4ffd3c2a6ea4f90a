import asyncio

import pytest

from services.sandbox.telegram_error import TelegramError
from services.sandbox.updates import Updates
from shared.adapters.clock.manual import ManualClock

MESSAGE = {"message_id": 1, "chat": {"id": -1001}}


def ids(updates):
    return [update["update_id"] for update in updates]


async def test_the_older_of_two_pollers_is_sent_away():
    updates = Updates(ManualClock())
    older = asyncio.create_task(updates.poll(0, 100, 20, None))
    await asyncio.sleep(0)
    younger = asyncio.create_task(updates.poll(0, 100, 20, None))
    with pytest.raises(TelegramError, match="terminated by other getUpdates request"):
        await older
    updates.press(MESSAGE, "a")
    assert len(await younger) == 1


async def test_an_offset_confirms_what_is_before_it_and_a_negative_one_keeps_the_newest():
    updates = Updates(ManualClock())
    for data in "abc":
        updates.press(MESSAGE, data)
    assert ids(await updates.poll(0, 2, 0, None)) == [1, 2]
    assert ids(await updates.poll(2, 100, 0, None)) == [2, 3]
    assert ids(await updates.poll(-1, 100, 0, None)) == [3]


async def test_kinds_that_are_not_allowed_are_not_kept_and_the_choice_is_remembered():
    updates = Updates(ManualClock())
    await updates.poll(0, 100, 0, ["message"])
    updates.press(MESSAGE, "a")
    assert await updates.poll(0, 100, 0, None) == []
    await updates.poll(0, 100, 0, [])
    updates.press(MESSAGE, "b")
    assert ids(await updates.poll(0, 100, 0, None)) == [2]
