"""What every `ChartRenderer` promises, shown over each adapter in the folder."""

import asyncio

import pytest

from shared.adapters import loader
from shared.engine import chart_plan
from tests.engine.chart_lines import make_trade, make_walk

WALK = make_walk()


@pytest.fixture(params=loader.names("charts"))
async def renderer(request):
    module = loader.load("charts", request.param)
    made = module.create(module.Options())
    yield made
    await made.close()


async def test_charts_asked_for_at_once_are_all_drawn_each_as_its_own(renderer):
    open_spec, closed_spec = (chart_plan.plan(make_trade(WALK, closed), WALK) for closed in (False, True))
    pictures = await asyncio.gather(*(renderer.render(spec) for spec in (open_spec, closed_spec, open_spec)))
    assert all(png.startswith(b"\x89PNG") for png in pictures)
    assert pictures[0] == pictures[2] != pictures[1]


async def test_closing_without_a_chart_or_twice_is_fine(renderer):
    await renderer.close()
    await renderer.close()
