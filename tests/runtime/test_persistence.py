"""An effect is repeated until the world takes it; the outage is said once."""

import asyncio
import logging
from itertools import pairwise

from shared.adapters.clock.manual import ManualClock
from shared.errors import Unavailable
from shared.runtime.persistence import Persistence


async def test_retries_honour_what_the_other_side_asks_and_grow_to_a_limit():
    clock = ManualClock(0)
    persistence = Persistence(clock)
    times = []

    async def effect():
        times.append(clock.now())
        if len(times) < 9:
            raise Unavailable("busy", retry_after=700 if len(times) == 1 else None)
        return "done"

    result = asyncio.create_task(persistence.insist(effect))
    while not result.done():
        clock.advance_to(clock.now() + 50)
        for _ in range(5):
            await asyncio.sleep(0)
    assert result.result() == "done"
    assert [later - earlier for earlier, later in pairwise(times)] == [
        700, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
    ]  # fmt: skip
    assert persistence.trouble == ""


async def test_an_outage_is_logged_once_and_named_while_it_lasts(caplog):
    persistence, attempts = Persistence(ManualClock(), first=0), 0

    async def effect():
        nonlocal attempts
        attempts += 1
        if attempts < 4:
            raise Unavailable("the bus is away")
        assert persistence.trouble == "the bus is away"

    with caplog.at_level(logging.INFO):
        await persistence.insist(effect)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
