"""One look at 600 symbols: how long, and how much sooner than the usual loop of one pandas frame a symbol?

Usage: python benchmarks/logic_pass.py CANDLES... [--rounds 15]. CANDLES are recorded 1-minute files; each symbol is a
window of 100 of their candles. Both ways compute the RSI and the divergence with its volume spike of the newest candle,
from the window alone, and must find the same. Then: 600 candles close; how long until their signals are messages, by
that pass over kept arrays, and by the live machine's books (each loaded, advanced and left as a store would have it).
CPU time, interleaved rounds, medians. Ends with 1 when the ratio is below 400 or p99 of the pass above 5 ms.
"""

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from services.cli.parts.backtest_input import read_history
from services.cli.parts.backtest_strategy import make_live
from shared.backtest.compiled import compiled
from shared.backtest.numeric_strategy import NumericStrategy, numeric
from shared.domain.book import Book, BookKey
from shared.domain.candle import Candle
from shared.domain.signal import Side
from shared.domain.timeframe import Timeframe
from shared.engine.signal_lines import entry_line
from shared.engine.strategy_runner import StrategyRunner
from shared.indicators import rsi
from shared.messages.catalog import SIGNALS
from shared.messages.codec import encode
from shared.strategies.rsi_divergence import Parameters, Rules
from shared.strategies.rsi_window import Series
from shared.strategies.strategy import Entry

SYMBOLS, WINDOW, CLOSES = 600, 100, 300
LEAST_RATIO, MOST_MS = 400.0, 5.0
rsi_step, RSI_START = rsi.step, rsi.START
Columns = tuple[np.ndarray, ...]  # highs, lows, closes, quantities: a row a symbol


def look(rules: Rules, period: int, columns: Columns, rsis: np.ndarray, found: np.ndarray) -> None:
    """Directions of the newest candle of every symbol. `decide` is bound when this is compiled."""
    highs, lows, closes, quantities = columns
    for symbol in range(len(closes)):
        state = RSI_START
        for i in range(closes.shape[1]):
            state, rsis[symbol, i] = rsi_step(state, closes[symbol, i], period)
        series = Series(highs[symbol], lows[symbol], quantities[symbol], rsis[symbol])
        found[symbol] = decide(rules, series, closes.shape[1] - 1).direction  # noqa: F821


def pandas_rsi(closes: pd.Series, period: int) -> pd.Series:
    """Wilder's, with his seed, so that both ways find the same."""
    change = closes.diff()
    parts = []
    for one in (change.clip(lower=0), (-change).clip(lower=0)):
        seeded = one.copy()
        seeded.iloc[period] = one.iloc[1 : period + 1].mean()
        parts.append(seeded.iloc[period:].ewm(alpha=1 / period, adjust=False).mean())
    return (100 * parts[0] / (parts[0] + parts[1])).reindex(closes.index)


def pandas_look(frame: pd.DataFrame, p: Parameters) -> int:
    """The same decision on a frame of one symbol, as one writes it with pandas."""
    strength = pandas_rsi(frame["close"], p.rsi_period)
    spike = frame["quantity"] > p.volume_factor * frame["quantity"].rolling(p.volume_period).mean().shift()
    later = len(frame) - 1 - p.pivot_right
    if not spike.iloc[later:].any():
        return 0
    directions = [d for d in (1, -1) if _diverges(frame["low" if d > 0 else "high"] * d, strength * d, later, d, p)]
    return directions[0] if len(directions) == 1 else 0


def _diverges(prices: pd.Series, strength: pd.Series, later: int, direction: int, p: Parameters) -> bool:
    before = prices.shift().rolling(p.pivot_left).min()
    after = prices[::-1].shift().rolling(p.pivot_right).min()[::-1]
    pivot = (prices < before) & (prices < after)
    if not pivot.iloc[later]:
        return False
    earlier = slice(max(later - p.max_distance, 0), later - p.min_distance + 1)
    limit = p.oversold if direction > 0 else -p.overbought
    price, rsi_now = prices.iloc[later], strength.iloc[later]
    fits = pivot.iloc[earlier] & (strength.iloc[earlier] <= limit) & (prices.iloc[earlier] > price)
    return bool((fits & (rsi_now > strength.iloc[earlier] + p.min_rsi_difference)).any())


def cpu(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def windows(candles: list[Candle]) -> tuple[list[int], Columns]:
    """Where each symbol's window ends; and highs, lows, closes, quantities."""
    columns = [np.array([float(getattr(c, n)) for c in candles]) for n in ("high", "low", "close", "quantity")]
    choose = np.random.default_rng(7)
    ends = choose.integers(WINDOW, len(candles) - CLOSES, SYMBOLS)
    return ends.tolist(), tuple(np.stack([column[end - WINDOW : end] for end in ends]) for column in columns)


def close_to_signals(candles: list[Candle], ends: list[int], numbers: NumericStrategy, columns: Columns) -> list[float]:
    """Milliseconds from 600 closed candles to encoded signals, minute after minute, over arrays that are kept."""
    run, p = compiled(look, decide=numbers.decide), numbers.parameters
    kept = [column.copy() for column in columns]
    rsis, found, took = np.empty_like(kept[0]), np.zeros(SYMBOLS, dtype=np.int64), []
    key = BookKey(numbers.name, "bench", "S")
    for minute in range(CLOSES):
        closed = [candles[end + minute] for end in ends]
        began = time.process_time()
        for column, name in zip(kept, ("high", "low", "close", "quantity"), strict=True):
            column[:, :-1] = column[:, 1:]
            column[:, -1] = [float(getattr(candle, name)) for candle in closed]
        run(numbers.rules.strategy, p.rsi_period, tuple(kept), rsis, found)
        for place in np.flatnonzero(found).tolist():
            price = float(kept[2][place, -1])
            side = Side.LONG if found[place] > 0 else Side.SHORT
            line = entry_line(key, closed[place], Entry(side, price, price * 1.015, price * 0.993, {}))
            encode(SIGNALS, line, message_id=line.signal_id)
        took.append((time.process_time() - began) * 1000)
    return took


def by_books(candles: list[Candle], ends: list[int], numbers: NumericStrategy, minutes: int) -> list[float]:
    """The same by the live machine: 600 warm books, one candle each."""
    runner = StrategyRunner(partial(make_live, numbers), Timeframe.M1, 0)
    books, took = [], []
    for place, end in enumerate(ends):
        book = Book(BookKey(numbers.name, "bench", f"S{place}"))
        first = max(0, end - runner.warm_up)
        books.append(runner.advance(book, candles[first:end]).book)
    for minute in range(minutes):
        began = time.process_time()
        for place, end in enumerate(ends):
            book = runner.advance(replace(books[place], unpublished=()), [candles[end + minute]]).book
            for line in book.unpublished:
                encode(SIGNALS, line, message_id=line.signal_id)
            books[place] = book
        took.append((time.process_time() - began) * 1000)
    return took


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    candles = read_history(options.files, "BTCUSDT", Timeframe.M1, None)
    numbers = numeric("rsi_divergence", {"oversold": 45, "overbought": 55, "volume_factor": 1.0})
    p, settings = numbers.parameters, numbers.rules.strategy
    ends, columns = windows(candles)
    run, rsis = compiled(look, decide=numbers.decide), np.empty_like(columns[0])
    found = np.zeros(SYMBOLS, dtype=np.int64)
    names = ("high", "low", "close", "quantity")
    frames = [
        pd.DataFrame({name: column[s] for name, column in zip(names, columns, strict=True)}) for s in range(SYMBOLS)
    ]

    def ours() -> None:
        run(settings, p.rsi_period, columns, rsis, found)

    ours()
    assert found.tolist() == [pandas_look(frame, p) for frame in frames], "the two ways differ"
    pairs = [
        (cpu(ours), cpu(lambda: [pandas_look(frame, p) for frame in frames]), cpu(ours)) for _ in range(options.rounds)
    ]
    mine = statistics.median((a + c) / 2 for a, _, c in pairs) * 1000
    theirs = statistics.median(b for _, b, _ in pairs) * 1000
    ratio = statistics.median(2 * b / (a + c) for a, b, c in pairs)
    print(f"{SYMBOLS} symbols x {WINDOW} candles, {np.count_nonzero(found)} signals, the same by both ways")
    print(f"pandas, a frame a symbol   {theirs:>10.1f} ms")
    print(f"one pass, machine code     {mine:>10.3f} ms   {ratio:>8.0f} x")
    gc.freeze()  # the recorded months are the benchmark's own: no service holds them
    took = close_to_signals(candles, ends, numbers, columns)
    print(f"{SYMBOLS} closes to signals: p50 {percentile(took, 0.5):.2f} ms, p99 {percentile(took, 0.99):.2f} ms")
    books = by_books(candles, ends, numbers, 20)
    print(f"the same by live books: p50 {percentile(books, 0.5):.0f} ms, p99 {percentile(books, 0.99):.0f} ms")
    return 0 if ratio >= LEAST_RATIO and percentile(took, 0.99) <= MOST_MS else 1


if __name__ == "__main__":
    sys.exit(main())
