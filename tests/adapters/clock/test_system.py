"""The machine's clock: milliseconds of the wall, seconds that never go back."""

import time

from shared.adapters.clock.system import Options, create


def test_it_tells_the_machines_time_in_whole_milliseconds():
    clock = create(Options())
    before = time.time_ns() // 1_000_000
    now = clock.now()
    assert isinstance(now, int)
    assert before <= now <= time.time_ns() // 1_000_000


def test_its_seconds_are_the_machines():
    clock = create(Options())
    before = time.monotonic()
    assert before <= clock.monotonic() <= time.monotonic()


async def test_a_nap_lasts_at_least_as_long_as_asked():
    clock = create(Options())
    start = clock.monotonic()
    await clock.sleep(5)
    assert clock.monotonic() - start >= 0.004  # the loop's timer may round by its own resolution
