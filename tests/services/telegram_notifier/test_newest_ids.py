import pytest

from services.telegram_notifier.newest_ids import NewestIds
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory
from shared.errors import Unavailable


@pytest.fixture
def store():
    return memory.create(memory.Options(), ManualClock())


async def test_the_largest_id_of_each_chat_survives_the_process(store):
    ids = NewestIds(store)
    assert await ids.known("-1") is None
    for message_id in (5, 9, 7):
        await ids.saw("-1", message_id)
    fresh = NewestIds(store)
    assert (await fresh.known("-1"), await fresh.known("-2")) == (9, None)


async def test_two_processes_never_make_it_smaller(store):
    one, other = NewestIds(store), NewestIds(store)
    for ids, message_id in ((one, 5), (other, 9), (one, 7), (other, 8), (one, 10)):
        await ids.saw("-1", message_id)
    assert await NewestIds(store).known("-1") == 10
    assert await one.known("-1") == 10


async def test_what_the_store_does_not_take_now_is_known_here_and_stored_with_the_next(store, monkeypatch):
    save, away = store.save_document, [True]

    async def save_when_back(document):
        if away:
            raise Unavailable("away")
        return await save(document)

    monkeypatch.setattr(store, "save_document", save_when_back)
    ids = NewestIds(store)
    await ids.saw("-1", 5)
    assert (await ids.known("-1"), await NewestIds(store).known("-1")) == (5, None)
    away.clear()
    await ids.saw("-1", 4)
    assert await NewestIds(store).known("-1") == 5
