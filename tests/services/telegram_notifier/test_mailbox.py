import pytest

from services.telegram_notifier.mailbox import Key, Mailbox
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory
from shared.domain.outbox_entry import OutboxState, line_of
from shared.domain.signal import SignalKind
from shared.engine import outbox
from tests.makers import MINUTE, START, make_signal

CHAT = "-100"
ENTRY, EXIT = line_of(make_signal()), line_of(make_signal(SignalKind.EXIT))
KEY = Key(CHAT, ENTRY.subject)
TTL = 15 * MINUTE


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
    return Mailbox(store, clock, woken.append, TTL)


def begin(entry):
    return outbox.begin(entry, START, MINUTE, None)


async def test_two_processes_that_write_the_same_entry_lose_nothing_of_each_other(mailbox, store, clock):
    other = Mailbox(store, clock, lambda _: None, TTL)
    await mailbox.put(CHAT, ENTRY)
    await other.put(CHAT, EXIT)
    await mailbox.put(CHAT, line_of(make_signal(SignalKind.UPDATE)))
    stored = await store.load(*KEY)
    assert [line.kind for line in stored.queue] == [SignalKind.ENTRY, SignalKind.EXIT]


async def test_only_one_of_two_processes_may_begin(mailbox, store, clock):
    await mailbox.put(CHAT, ENTRY)
    other = Mailbox(store, clock, lambda _: None, TTL)
    await other.open()

    def if_due(entry):
        return begin(entry) if outbox.is_due(entry, START) else entry

    assert await mailbox.change(KEY, if_due) is not None
    assert await other.change(KEY, if_due) is None


async def test_what_a_dead_process_had_begun_is_uncertain(mailbox, store, clock):
    await mailbox.put(CHAT, ENTRY)
    await mailbox.change(KEY, begin)
    fresh = Mailbox(store, clock, lambda _: None, TTL)
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


async def test_a_signal_that_is_too_old_is_counted_logged_and_stored_as_expired(mailbox, store, clock, caplog):
    clock.advance_to(ENTRY.time + TTL + 1)
    for line in (ENTRY, ENTRY, EXIT):
        await mailbox.put(CHAT, line)
    assert (await store.load(*KEY)).state is OutboxState.EXPIRED
    assert (mailbox.expired, len(mailbox)) == (2, 0)
    (first, second) = [record for record in caplog.records if record.message == "too old to be told"]
    assert (first.signal_id, first.revision, second.revision) == (KEY.signal_id, ENTRY.revision, EXIT.revision)
