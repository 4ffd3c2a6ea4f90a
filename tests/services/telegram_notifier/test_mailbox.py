import pytest

from services.telegram_notifier.mailbox import Key, Mailbox
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory
from shared.domain.outbox_entry import OutboxState
from shared.domain.signal import SignalKind
from shared.engine import outbox
from tests.makers import START, make_signal

CHAT = "-100"
ENTRY, EXIT = make_signal(), make_signal(SignalKind.EXIT)
KEY = Key(CHAT, ENTRY.signal_id)


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
def store(clock):
    return memory.create(memory.Options(), clock)


@pytest.fixture
def woken():
    return []


@pytest.fixture
def mailbox(store, clock, woken):
    return Mailbox(store, clock, woken.append)


def begin(entry):
    return outbox.begin(entry, START)


async def test_two_processes_that_write_the_same_entry_lose_nothing_of_each_other(mailbox, store, clock):
    other = Mailbox(store, clock, lambda _: None)
    await mailbox.put(CHAT, ENTRY)
    await other.put(CHAT, EXIT)
    await mailbox.put(CHAT, make_signal(SignalKind.UPDATE))
    stored = await store.load(*KEY)
    assert [line.kind for line in stored.queue] == [SignalKind.ENTRY, SignalKind.EXIT]


async def test_only_one_of_two_processes_may_begin(mailbox, store, clock):
    await mailbox.put(CHAT, ENTRY)
    other = Mailbox(store, clock, lambda _: None)
    await other.open()

    def if_due(entry):
        return begin(entry) if outbox.is_due(entry, START) else entry

    assert await mailbox.change(KEY, if_due) is not None
    assert await other.change(KEY, if_due) is None


async def test_what_a_dead_process_had_begun_is_uncertain(mailbox, store, clock):
    await mailbox.put(CHAT, ENTRY)
    await mailbox.change(KEY, begin)
    fresh = Mailbox(store, clock, lambda _: None)
    await fresh.open()
    assert (await store.load(*KEY)).state is OutboxState.UNCERTAIN
    assert len(fresh) == 1


async def test_finished_entries_are_forgotten_and_counted_when_given_up(mailbox, clock, woken):
    await mailbox.put(CHAT, ENTRY)
    clock.advance_to(START + 5_000)
    assert (len(mailbox), mailbox.oldest_seconds()) == (1, 5.0)
    await mailbox.change(KEY, lambda entry: outbox.dead(entry, "given up"))
    assert (len(mailbox), mailbox.oldest_seconds(), mailbox.dead) == (0, 0.0, 1)
    assert woken == [CHAT, CHAT]


async def test_a_rule_about_nothing_changes_nothing(mailbox):
    assert await mailbox.change(KEY, begin) is None
    assert mailbox.waiting(CHAT) == []
