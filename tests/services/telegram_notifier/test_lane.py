import asyncio
from dataclasses import replace

import pytest

from services.telegram_notifier.lane import Lane
from services.telegram_notifier.mailbox import Key
from shared.adapters.clock.manual import ManualClock
from shared.domain.outbox_entry import LineKind, OutboxEntry, OutboxState, line_of
from shared.domain.signal import SignalKind
from shared.engine.outbox_queue import UNKNOWN
from tests.makers import START, make_signal


def waiting(kind, count):
    signals = [make_signal(kind, symbol=f"{kind.upper()}{number}") for number in range(count)]
    return [OutboxEntry("c", signal.signal_id, queue=(line_of(signal),)) for signal in signals]


@pytest.fixture
def clock():
    return ManualClock(START)


async def take_all(lane, clock, entries, millis):
    """Entries in the order in which their turn comes within `millis`; none is ever done."""
    taken = []

    async def take():
        while True:
            taken.append(await lane.next(lambda: entries))

    task = asyncio.create_task(take())
    for _ in range(millis // 500):
        for _ in range(10):
            await asyncio.sleep(0)
        clock.advance_to(clock.now() + 500)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [entry.queue[0].kind for entry in taken]


async def test_exits_go_first_sends_go_one_by_one_and_updates_never_take_all_places(clock):
    entries = [entry for kind in (SignalKind.UPDATE, SignalKind.ENTRY, SignalKind.EXIT) for entry in waiting(kind, 6)]
    kinds = await take_all(Lane(clock, 18), clock, entries, 30_000)
    assert kinds == [LineKind.EXIT] * 4 + [LineKind.ENTRY] + [LineKind.UPDATE] * 2


async def test_a_finished_request_makes_place_for_the_next(clock):
    lane, entries = Lane(clock, 0), waiting(SignalKind.ENTRY, 2)
    first = await lane.next(lambda: entries)
    second = asyncio.create_task(lane.next(lambda: entries[1:]))
    await asyncio.sleep(0)
    assert not second.done()
    lane.done(Key(first.chat, first.signal_id))
    assert await second is entries[1]


async def test_charts_leave_half_of_the_budget_to_messages(clock):
    lane = Lane(clock, 6)
    task = asyncio.gather(*(lane.chart_turn() for _ in range(4)))
    for second in range(1, 60):
        clock.advance_to(START + second * 1_000)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not task.done()
    assert (await asyncio.wait_for(lane.next(lambda: waiting(SignalKind.ENTRY, 1)), 1)).chat == "c"
    clock.advance_to(START + 200_000)
    await task


async def test_pauses_grow_until_something_succeeds(clock):
    lane = Lane(clock, 0)
    assert [lane.pause(None) for _ in range(8)] == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
    assert lane.pause(33_000) == 33_000
    lane.succeeded()
    assert lane.pause(None) == 1_000


def unanswered(kind=SignalKind.ENTRY, **fields):
    (entry,) = waiting(kind, 1)
    return replace(entry, state=OutboxState.UNCERTAIN, digest=UNKNOWN, attempts=1, **fields)


@pytest.mark.parametrize("fields", [{"message_id": 7}, {"after_message_id": 40}, {}])
async def test_what_had_no_answer_is_left_alone_until_it_has_settled(clock, fields):
    entry = unanswered(**fields)
    lane = Lane(clock, 0)
    assert await take_all(lane, clock, [entry], 4_500) == []
    assert await take_all(lane, clock, [entry], 1_500) == [LineKind.ENTRY]


async def test_what_must_be_looked_for_takes_no_place_and_no_token_from_edits_and_other_signals_wait(clock):
    lost, (_, fresh, known) = unanswered(after_message_id=40), waiting(SignalKind.ENTRY, 3)
    edit = replace(known, message_id=7)
    lane = Lane(clock, 1)
    assert await take_all(lane, clock, [lost], 6_000) == [LineKind.ENTRY]
    assert (await asyncio.wait_for(lane.next(lambda: [lost, fresh, edit]), 1)) is edit


async def test_a_signal_waits_for_no_notice(clock):
    _, fresh = waiting(SignalKind.ENTRY, 2)
    notice = replace(unanswered(after_message_id=40), queue=(replace(fresh.queue[0], kind=LineKind.NOTICE),))
    assert (await asyncio.wait_for(Lane(clock, 1).next(lambda: [notice, fresh]), 1)) is fresh


async def test_one_search_goes_on_at_a_time(clock):
    unknown = {"state": OutboxState.UNCERTAIN, "digest": UNKNOWN, "after_message_id": 1}
    lost = [replace(entry, **unknown) for entry in waiting(SignalKind.EXIT, 3)]
    assert len(await take_all(Lane(clock, 0), clock, lost, 20_000)) == 1
