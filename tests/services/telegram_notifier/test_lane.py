import asyncio

import pytest

from services.telegram_notifier.lane import Lane
from services.telegram_notifier.mailbox import Key
from shared.adapters.clock.manual import ManualClock
from shared.domain.outbox_entry import OutboxEntry
from shared.domain.signal import SignalKind
from tests.makers import START, make_signal


def waiting(kind, count):
    signals = [make_signal(kind, symbol=f"{kind.upper()}{number}") for number in range(count)]
    return [OutboxEntry("c", signal.signal_id, queue=(signal,)) for signal in signals]


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
    assert kinds == [SignalKind.EXIT] * 4 + [SignalKind.ENTRY] + [SignalKind.UPDATE] * 2


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
