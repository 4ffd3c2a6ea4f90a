"""The same signals and exits on a symbol-year of minutes: our backtest against others, as ratios of CPU time a bar.

Usage: python benchmarks/backtest_peers.py CANDLES... --peer vectorbt=PYTHON --peer backtesting=PYTHON
--peer nautilus_trader=PYTHON [--rounds 5]. CANDLES are recorded 1-minute files, chained by ratio to 525,600 minutes.
PYTHON is an interpreter that has the peer installed (an environment of its own each: they pin what they need).

Ours finds the signals itself, walks the exits, takes fees and slippage, sizes positions and keeps the equity at every
close; then once more with a row a result, the drawdown, and the statistics with their intervals. The peers are *given*
the signals, and take profit, stop loss, fee and slippage. They simulate more than we do: orders and their fills, sizes
in units, accounts, portfolios; nautilus a whole venue with its latencies, funding and events. We simulate what our
signals claim, and no order.
Ours runs before and after each peer; a peer's ratio is to those runs. Warm; the first run is said besides.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from services.cli.parts.backtest_input import read_history
from shared.backtest.account import Costs, Limits
from shared.backtest.candle_arrays import CandleArrays, to_arrays
from shared.backtest.compiled import compiled
from shared.backtest.numeric_strategy import NumericStrategy, numeric
from shared.backtest.positions import positions, stretches
from shared.backtest.run import Run, run
from shared.domain.timeframe import Timeframe
from shared.engine.statistics import Record

YEAR = 525_600
COSTS, LIMITS = Costs(0.0006, 0.0002), Limits(0.005, 0.02)
PRICES = ("opens", "highs", "lows", "closes")


def year_of(files: list[Path]) -> CandleArrays:
    """Recorded months one behind the other, scaled to go on where the last ended, until the year is full."""
    months = [to_arrays(read_history([file], "BTCUSDT", Timeframe.M1, None)) for file in files]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*PRICES, "quantities", "traded")}
    count, close = 0, float(months[0].opens[0])
    for month in cycle(months):
        scale = close / month.opens[0]
        for name, column in parts.items():
            column.append(getattr(month, name) * (scale if name in PRICES else 1))
        count, close = count + len(month), parts["closes"][-1][-1]
        if count >= YEAR:
            break
    columns = {name: np.concatenate(column)[:YEAR] for name, column in parts.items()}
    columns["traded"] = columns["traded"].astype(bool)
    times = months[0].open_times[0] + np.arange(YEAR) * Timeframe.M1.millis
    return replace(months[0], open_times=times, complete=np.ones(YEAR, dtype=bool), **columns)


def signals_of(year: CandleArrays, strategy: NumericStrategy) -> np.ndarray:
    """1, -1 or 0 for each candle, whether or not a position is open."""
    decide, found = compiled(strategy.decide), np.zeros(len(year), dtype=np.int8)
    for stretch in stretches(year, strategy):
        for last in np.flatnonzero(stretch.marks).tolist():
            if last + 1 >= strategy.rules.warm_up:
                found[stretch.offset + last] = decide(strategy.rules.strategy, stretch.series, last).direction
    return found


def cpu(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def ours(year: CandleArrays, strategy: NumericStrategy, rounds: int) -> list[float]:
    return [cpu(lambda: run([year], strategy, COSTS, LIMITS)) for _ in range(rounds)]


def told_of(done: Run) -> tuple[Record, np.ndarray]:
    """What is computed only when it is asked for: every result as a row, the statistics, the drawdown."""
    return done.record, done.account.drawdown


def peer(python: str, name: str, path: Path, rounds: int) -> dict:
    script = Path(__file__).with_name("backtest_peer_runs.py")
    done = subprocess.run(  # noqa: S603 - the interpreter the user named
        [python, str(script), name, str(path), str(rounds)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    year, strategy = year_of(options.files), numeric("rsi_divergence", {})
    first = cpu(lambda: run([year], strategy, COSTS, LIMITS))
    walked = statistics.median(cpu(lambda: positions(year, strategy)) for _ in range(options.rounds))
    mine = statistics.median(ours(year, strategy, options.rounds))
    results = run([year], strategy, COSTS, LIMITS).results
    told = statistics.median(cpu(lambda: told_of(run([year], strategy, COSTS, LIMITS))) for _ in range(options.rounds))
    print(f"{YEAR:,} minutes, {np.count_nonzero(signals_of(year, strategy))} signals; CPU, warm, medians")
    print(f"{'':<34}{'ns/bar':>10}{'bars/s':>14}{'trades':>8}{'slower by':>11}{'first run, s':>14}")
    rows = {"signals and exits": walked, "the same, costs and equity": mine, "the same, statistics": told}
    for name, seconds in rows.items():
        start = f"{first:>25.2f}" if seconds is mine else ""
        print(f"ours: {name:<28}{seconds / YEAR * 1e9:>10.0f}{YEAR / seconds:>14,.0f}{len(results):>8}{start}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "year.npz")
        names = dict(zip(("open", "high", "low", "close"), PRICES, strict=True)) | {"volume": "quantities"}
        np.savez(
            path, signal=signals_of(year, strategy), time=year.open_times,
            take_profit=strategy.parameters.take_profit_pct / 100, stop_loss=strategy.parameters.stop_loss_pct / 100,
            fee=COSTS.fee, slippage=COSTS.slippage,
            **{name: getattr(year, column) for name, column in names.items()},
        )  # fmt: skip
        for text in options.peer:
            name, _, python = text.partition("=")
            before = ours(year, strategy, options.rounds)
            theirs = peer(python, name, path, options.rounds)
            around = statistics.median([*before, *ours(year, strategy, options.rounds)]) / YEAR
            each = statistics.median(theirs["seconds"]) / theirs["bars"]
            print(
                f"{name + ' ' + theirs['version']:<34}{each * 1e9:>10,.0f}{1 / each:>14,.0f}"
                f"{theirs['trades']:>8}{each / around:>10,.0f}x{theirs['first']:>14.2f}"
            )


if __name__ == "__main__":
    main()
