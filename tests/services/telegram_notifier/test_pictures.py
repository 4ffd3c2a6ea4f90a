import asyncio
from dataclasses import replace

import pytest

from services.telegram_notifier.pictures import Pictures
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory
from shared.errors import InvalidInput, Unavailable
from tests.engine.chart_lines import make_trade, make_walk
from tests.makers import START
from tests.services.telegram_notifier.stage import Renderer

WALK = make_walk()
OPEN, CLOSED = make_trade(WALK, closed=False), make_trade(WALK)


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
def renderer():
    return Renderer()


@pytest.fixture
async def pictures(clock, renderer):
    store = memory.create(memory.Options(), clock)
    await store.write(WALK)
    made = Pictures(store, renderer, clock)
    yield made
    await made.close()


async def test_all_who_ask_at_the_same_time_share_one_drawing_even_when_the_first_goes_away(pictures, renderer):
    renderer.gate.clear()
    first, *others = [asyncio.create_task(pictures.picture(OPEN)) for _ in range(5)]
    while not renderer.specs:  # noqa: ASYNC110  # a list has no event to wait for
        await asyncio.sleep(0)
    first.cancel()
    renderer.gate.set()
    assert set(await asyncio.gather(*others)) == {b"png 1"}
    assert len(renderer.specs) == 1


async def test_the_chart_of_an_open_trade_is_drawn_anew_after_a_minute_that_of_a_closed_one_is_kept(
    pictures, clock, renderer
):
    for _ in range(2):
        await pictures.picture(OPEN)
        await pictures.picture(CLOSED)
    assert len(renderer.specs) == 2
    clock.advance_to(START + 61_000)
    await pictures.picture(OPEN)
    await pictures.picture(CLOSED)
    assert len(renderer.specs) == 3


async def test_a_drawing_that_failed_is_not_kept(pictures, renderer):
    renderer.fault = Unavailable("worker died")
    with pytest.raises(Unavailable):
        await pictures.picture(OPEN)
    renderer.fault = None
    assert await pictures.picture(OPEN) == b"png 2"


async def test_a_signal_without_candles_says_so(clock, renderer):
    empty = Pictures(memory.create(memory.Options(), clock), renderer, clock)
    with pytest.raises(InvalidInput, match="no candles"):
        await empty.picture(OPEN)


async def test_only_so_many_pictures_are_kept(pictures, renderer):
    for revision in range(3, 43):
        await pictures.picture([*OPEN, replace(CLOSED[-1], revision=revision)])
    assert len(pictures._drawings) == 32
    assert len(renderer.specs) == 40
