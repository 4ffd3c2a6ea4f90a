"""The manual clock: time moves when it is told to, and sleepers wake in their order."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.clock.manual import ManualClock
from tests.makers import START


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def wakes(naps: list[int], *, advance: list[int]) -> list[tuple[int, int]]:
    """For each sleeper that woke, in order: its nap and the clock's time right after the waking step."""
    clock = ManualClock(START)
    woken: list[tuple[int, int]] = []

    async def sleeper(nap: int) -> None:
        await clock.sleep(nap)
        woken.append((nap, clock.now() - START))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sleeper(nap)) for nap in naps]
        await settle()
        for time in advance:
            clock.advance_to(START + time)
            await settle()
        for task in tasks:
            task.cancel()
    return woken


async def test_nobody_wakes_before_the_time_has_come():
    assert await wakes([100], advance=[99]) == []
    assert await wakes([100], advance=[99, 100]) == [(100, 100)]


async def test_sleepers_wake_in_the_order_of_their_times_and_then_of_their_calls():
    assert [nap for nap, _ in await wakes([300, 100, 200, 100], advance=[1_000])] == [100, 100, 200, 300]


@given(st.lists(st.integers(1, 1_000), max_size=8), st.lists(st.integers(0, 1_000), max_size=5))
def test_exactly_those_wake_whose_time_has_come(naps, advance):
    woken = asyncio.run(wakes(naps, advance=advance))
    assert sorted(nap for nap, _ in woken) == sorted(nap for nap in naps if nap <= max(advance, default=0))


def test_time_never_goes_back():
    clock = ManualClock(START)
    clock.advance_to(START + 10)
    clock.advance_to(START)
    assert clock.now() == START + 10


def test_its_seconds_follow_the_same_time():
    clock = ManualClock(START)
    before = clock.monotonic()
    clock.advance_to(START + 1_500)
    assert clock.monotonic() - before == 1.5


async def test_a_cancelled_sleeper_is_forgotten():
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(10))
    await settle()
    task.cancel()
    clock.advance_to(10)
    await settle()
    assert task.cancelled()
