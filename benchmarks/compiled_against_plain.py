"""A million candles and more by machine code and by the source it is made of: every position and every bit equal?

Usage: python benchmarks/compiled_against_plain.py [--candles 1050000]. A seeded random walk with holes, incomplete
candles and minutes without trades; all exit rules on. Ends with 1 on any difference.
"""

import argparse
import sys
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from shared.backtest import compiled
from shared.backtest.candle_arrays import CandleArrays
from shared.backtest.numeric_strategy import numeric
from shared.backtest.positions import positions, stretches
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from tests.backtest.rough_markets import EVERY_RULE, NAMES


def market(count: int) -> CandleArrays:
    """A random walk; one minute in 50,000 is missing, one in 50,000 incomplete, one in 20 without trades."""
    draw = np.random.default_rng(7)
    closes = 100 * np.exp(np.cumsum(draw.normal(0, 0.0008, count)))
    opens = np.concatenate([[100.0], closes[:-1]])
    reach = np.abs(draw.normal(0, 0.0006, (2, count))) * closes
    traded = draw.random(count) > 0.05
    minutes = np.arange(count) + np.cumsum(draw.random(count) < 2e-5)
    return CandleArrays(
        Instrument("bench", "BTCUSDT"), Timeframe.M1, (minutes * 60_000).astype(np.int64), opens,
        np.maximum(opens, closes) + reach[0], np.minimum(opens, closes) - reach[1], closes,
        np.where(traded, draw.lognormal(0, 0.7, count), 0.0), traded, draw.random(count) > 2e-5,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candles", type=int, default=1_050_000)
    candles, faults = market(parser.parse_args().candles), 0
    for name in NAMES:
        strategy = numeric(name, EVERY_RULE)
        positions(candles, strategy)
        began = time.process_time()
        fast, bits = positions(candles, strategy), [p.series.rsis.tobytes() for p in stretches(candles, strategy)]
        middle = time.process_time()
        with patch.object(compiled, "_numba", lambda: None):
            slow, same = positions(candles, strategy), [p.series.rsis.tobytes() for p in stretches(candles, strategy)]
        end = time.process_time()
        faults += (fast != slow) + (bits != same)
        print(
            f"{name}: {len(candles):,} candles in {len(bits)} stretches, {len(fast.closed):,} positions, "
            f"{'equal' if (fast, bits) == (slow, same) else 'DIFFERENT'}; "
            f"{(end - middle) / (middle - began):.0f} x faster"
        )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
