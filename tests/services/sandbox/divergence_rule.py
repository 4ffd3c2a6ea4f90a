"""Plain candles in, divergence signals and their outcomes out: written from the rule alone, to check the market by."""

from dataclasses import dataclass
from typing import NamedTuple


class Bar(NamedTuple):
    open_time: int
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Found:
    open_time: int
    side: str
    outcome: str


def wilder_rsi(closes: list[float], period: int = 14) -> list[float | None]:
    result: list[float | None] = [None] * len(closes)
    gain = loss = 0.0
    for i in range(1, len(closes)):
        move = closes[i] - closes[i - 1]
        up, down = max(move, 0.0), max(-move, 0.0)
        if i <= period:
            gain, loss = gain + up / period, loss + down / period
        else:
            gain, loss = (gain * (period - 1) + up) / period, (loss * (period - 1) + down) / period
        if i >= period:
            result[i] = 50.0 if gain + loss == 0 else 100 * gain / (gain + loss)
    return result


def mirrored(bars: list[Bar]) -> list[Bar]:
    return [Bar(bar.open_time, -bar.low, -bar.high, -bar.close, bar.volume) for bar in bars]


def find(bars: list[Bar]) -> list[Found]:
    """One position at a time, both sides, in order."""
    rsi = wilder_rsi([bar.close for bar in bars])
    sides = {
        "LONG": (bars, rsi),
        "SHORT": (mirrored(bars), [None if value is None else 100 - value for value in rsi]),
    }
    found, free_from = [], 0
    for i in range(40, len(bars)):
        for side, (path, strength) in sides.items():
            if i >= free_from and is_signal(path, strength, i):
                outcome, end = resolve(path, i)
                found.append(Found(bars[i].open_time, side, outcome))
                free_from = end + 1
    return found


def is_pivot(path: list[Bar], i: int) -> bool:
    return i >= 5 and all(path[i].low < path[j].low for j in (*range(i - 5, i), i + 1, i + 2))


def is_signal(path: list[Bar], rsi: list[float | None], i: int) -> bool:
    second = i - 2
    if not is_pivot(path, second):
        return False
    mean = [sum(bar.volume for bar in path[j - 20 : j]) / 20 for j in range(second, i + 1)]
    if not any(path[j].volume > 1.5 * mean[j - second] for j in range(second, i + 1)):
        return False
    return any(
        is_pivot(path, first)
        and rsi[first] is not None
        and rsi[first] <= 25
        and path[second].low < path[first].low
        and rsi[second] >= rsi[first] + 1
        for first in range(max(5, second - 60), second - 4)
    )


def resolve(path: list[Bar], i: int) -> tuple[str, int]:
    size = abs(path[i].close)
    for j in range(i + 1, len(path)):
        if path[j].low <= path[i].close - 0.007 * size:
            return "stop_loss", j
        if path[j].high >= path[i].close + 0.015 * size:
            return "take_profit", j
    return "open", len(path)
