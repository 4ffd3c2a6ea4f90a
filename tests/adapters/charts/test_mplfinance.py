import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shared.adapters.charts import mplfinance
from shared.engine import chart_plan
from shared.errors import Unavailable
from tests.engine.chart_lines import make_trade, make_walk

WALK = make_walk()
SPEC = chart_plan.plan(make_trade(WALK), WALK)
ROOT = Path(__file__).parents[3]


def workers(renderer):
    return sorted(renderer._pool._executor._processes)


@pytest.fixture
async def renderer():
    made = mplfinance.create(mplfinance.Options(width_px=400, height_px=440, charts_per_worker=2))
    yield made
    await made.close()


async def test_a_worn_worker_is_replaced_and_a_dead_one_too(renderer):
    await renderer.render(SPEC)
    first = workers(renderer)
    await renderer.render(SPEC)
    assert workers(renderer) == first
    waiting = asyncio.create_task(renderer.render(SPEC))
    while workers(renderer) in ([], first):  # noqa: ASYNC110  # the process list has no event to wait for
        await asyncio.sleep(0.01)
    os.kill(workers(renderer)[0], 9)
    with pytest.raises(Unavailable, match="died"):
        await waiting
    assert (await renderer.render(SPEC)).startswith(b"\x89PNG")


async def test_a_chart_that_takes_too_long_ends_its_worker():
    hasty = mplfinance.create(mplfinance.Options(width_px=400, height_px=440, timeout=0.01))
    with pytest.raises(Unavailable, match=r"longer than 0\.01 s"):
        await hasty.render(SPEC)
    assert hasty._pool is None


async def test_a_specification_that_cannot_be_drawn_harms_no_other(renderer):
    with pytest.raises(Unavailable, match="cannot be drawn"):
        await renderer.render(replace(SPEC, candles=()))
    assert (await renderer.render(SPEC)).startswith(b"\x89PNG")


def test_the_parent_process_never_loads_the_drawing_libraries():
    program = """
import asyncio, sys
from shared.adapters.charts import mplfinance
from shared.engine import chart_plan
from tests.engine.chart_lines import make_trade, make_walk

async def main():
    renderer = mplfinance.create(mplfinance.Options(width_px=400, height_px=440))
    walk = make_walk()
    png = await renderer.render(chart_plan.plan(make_trade(walk), walk))
    await renderer.close()
    print(png[:4], sorted({"matplotlib", "pandas", "mplfinance", "numpy"} & set(sys.modules)))

if __name__ == "__main__":
    asyncio.run(main())
"""
    done = subprocess.run(  # noqa: S603  # the program is the one above
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.strip() == "b'\\x89PNG' []"
