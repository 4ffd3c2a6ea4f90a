"""Twenty charts in a burst: how long is the event loop held? Drawn in worker processes, and, to compare, in a thread.

Run: python benchmarks/chart_stall.py [--charts 20]. Ends with 1 when the worker processes hold the loop over 20 ms.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))

from shared.adapters.charts import mplfinance
from shared.adapters.wire import mplfinance_figure
from shared.domain.chart import ChartSpec
from shared.engine import chart_plan
from tests.engine.chart_lines import make_trade, make_walk

GOAL_MS = 20.0
TICK = 0.001


async def measured(charts: int, draw: Callable[[], Awaitable[object]]) -> tuple[float, float, float, float]:
    """Seconds in all, and longest, 99.9th and 99th percentile hold in ms beyond the millisecond a tick should take."""
    holds: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            holds.append((time.perf_counter() - before - TICK) * 1000)

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0.1)
    started = time.perf_counter()
    await asyncio.gather(*(draw() for _ in range(charts)))
    lasted = time.perf_counter() - started
    ticker.cancel()
    cuts = quantiles(holds, n=1000)
    return lasted, max(holds), cuts[998], cuts[989]


async def main(charts: int) -> int:
    walk = make_walk()
    spec: ChartSpec = chart_plan.plan(make_trade(walk), walk)
    options = mplfinance.Options()
    renderer = mplfinance.create(options)
    rows = {"worker process": await measured(charts, lambda: renderer.render(spec))}
    await renderer.close()
    one_at_a_time = asyncio.Lock()

    async def drawn_in_thread() -> object:
        async with one_at_a_time:
            return await asyncio.to_thread(
                mplfinance_figure.draw, spec, options.width_px, options.height_px, options.theme
            )

    rows["thread"] = await measured(charts, drawn_in_thread)
    print(f"{'drawn in':<16}{'charts':>8}{'seconds':>9}{'max ms':>9}{'p99.9 ms':>10}{'p99 ms':>8}")
    for name, (lasted, longest, p999, p99) in rows.items():
        print(f"{name:<16}{charts:>8}{lasted:>9.2f}{longest:>9.1f}{p999:>10.1f}{p99:>8.1f}")
    return 0 if rows["worker process"][1] <= GOAL_MS else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charts", type=int, default=20)
    sys.exit(asyncio.run(main(parser.parse_args().charts)))
