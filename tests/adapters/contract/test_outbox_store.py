"""What every outbox store promises (`shared.ports.OutboxStore`), asked of each adapter in the folder."""

import asyncio
from dataclasses import replace

import pytest

from shared.domain.notice import Notice, NoticeKind, stale_id
from shared.domain.outbox_entry import FINISHED, OutboxEntry, OutboxState, line_of
from shared.domain.signal import SignalKind
from shared.errors import Conflict
from shared.ports import OutboxStore
from tests.adapters.contract.subjects import create_store, names
from tests.makers import MINUTE, START, make_signal

NOTICE = Notice(
    stale_id("bybit-linear", START), 0, NoticeKind.STALE, "bybit-linear", ("BTCUSDT",), START + MINUTE, START
)


@pytest.fixture(params=names("stores", port=OutboxStore))
async def store(request, tmp_path):
    store = create_store(request.param, tmp_path)
    yield store
    await store.close()


def entry(minute: int = 0, **fields) -> OutboxEntry:
    signal = make_signal(open_time=START + minute * MINUTE)
    return OutboxEntry(
        fields.pop("chat", "@news"), signal.signal_id, queue=fields.pop("queue", (line_of(signal),)), **fields
    )


async def test_an_entry_comes_back_as_it_was_saved(store):
    full = OutboxEntry(
        chat="-100",
        signal_id="a/b/1/LONG",
        state=OutboxState.UNCERTAIN,
        message_id=2**40,
        delivered_revision=3,
        delivered_time=START,
        queue=tuple(map(line_of, (make_signal(), make_signal(SignalKind.EXIT, decision={"rsi": 0.1 + 0.2}), NOTICE))),
        attempts=2,
        next_attempt=START,
        digest="abc",
        last_error="timed out",
        late=192_000,
        after_message_id=2**40 - 1,
    )
    saved = await store.save(full)
    assert saved == replace(full, version=1)
    assert await store.load("-100", "a/b/1/LONG") == saved
    assert await store.load("-101", "a/b/1/LONG") is None
    assert await store.load("-100", "a/b/2/LONG") is None


async def test_each_save_is_one_version_higher(store):
    saved = await store.save(await store.save(await store.save(entry())))
    assert saved.version == 3
    assert await store.load(saved.chat, saved.signal_id) == saved


@pytest.mark.parametrize("version", [0, 2, 5])
async def test_a_save_with_another_version_conflicts_and_changes_nothing(store, version):
    saved = await store.save(entry())
    with pytest.raises(Conflict, match="version 1"):
        await store.save(entry(version=version, state=OutboxState.DEAD))
    assert await store.load(saved.chat, saved.signal_id) == saved
    assert await store.unfinished() == [saved]


async def test_a_new_entry_must_have_version_zero(store):
    with pytest.raises(Conflict):
        await store.save(entry(version=1))
    assert await store.unfinished() == []


async def test_one_of_two_writers_wins(store):
    results = await asyncio.gather(*(store.save(entry(attempts=n)) for n in range(4)), return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 3


async def test_unfinished_entries_stand_in_the_order_of_the_head_of_their_queues(store):
    saved = {minute: await store.save(entry(minute)) for minute in (3, 1, 2)}
    other_chat = await store.save(entry(1, chat="@other"))
    assert await store.unfinished() == [saved[1], other_chat, saved[2], saved[3]]
    later = (line_of(make_signal(SignalKind.EXIT, START + 8 * MINUTE)),)
    moved = await store.save(replace(saved[1], queue=later, state=OutboxState.SENDING))
    assert await store.unfinished() == [other_chat, saved[2], saved[3], moved]


@pytest.mark.parametrize("state", OutboxState)
async def test_what_is_finished_stays_so_until_it_is_pending_again(store, state):
    saved = await store.save(await store.save(entry()))
    saved = await store.save(replace(saved, state=state, queue=()))
    is_finished = state in FINISHED
    assert await store.unfinished() == ([] if is_finished else [saved])
    again = await store.save(replace(saved, state=OutboxState.PENDING, queue=(line_of(make_signal()),)))
    assert await store.unfinished() == [again]


@pytest.mark.parametrize("name", names("stores", durable=True, port=OutboxStore))
async def test_entries_survive_the_process(name, tmp_path):
    store = create_store(name, tmp_path)
    saved = await store.save(entry())
    await store.close()
    store = create_store(name, tmp_path)
    assert await store.unfinished() == [saved]
    await store.close()


@pytest.mark.parametrize("name", names("stores", durable=True, port=OutboxStore))
async def test_of_two_processes_one_makes_the_transition(name, tmp_path):
    one, other = create_store(name, tmp_path), create_store(name, tmp_path)
    saved = await one.save(entry())
    sending = replace(saved, state=OutboxState.SENDING)
    results = await asyncio.gather(one.save(sending), other.save(sending), return_exceptions=True)
    (won,) = [result for result in results if isinstance(result, OutboxEntry)]
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert await one.unfinished() == await other.unfinished() == [won]
    await one.close()
    await other.close()
