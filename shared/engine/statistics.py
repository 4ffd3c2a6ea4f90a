"""Results of closed positions in, honest figures out: with intervals, net of costs, and silent where there are too few.

Definition of a result, the only one in the platform: *net* is the gain in percent of the entry price after fees and
slippage. A net that rounds to 0.00 % is a break-even, above it a win, below it a loss. The win rate counts wins among
wins and losses.

Win rate: Wilson score interval (E. B. Wilson, JASA 22, 1927). Expectancy and profit factor: percentile bootstrap (B.
Efron, Annals of Statistics 7, 1979). What is drawn comes from SHAKE-256, so equal results give equal figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import shake_256
from itertools import accumulate
from math import inf, sqrt
from statistics import fmean
from typing import NamedTuple

LEAST = 30
"""Fewer results say nothing: no figure is claimed."""

_Z = 1.959963984540054  # 95 %
_RESAMPLES = 2_000
_CUT = 50  # of them at either end: 2.5 %
_ZERO = 0.005  # percent: what rounds to 0.00 %


class Interval(NamedTuple):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Record:
    """What a set of results shows. Percentages are of the entry price, after costs.

    Attributes:
        count: Results.
        wins: Of these.
        losses: Of these.
        break_evens: Of these.
        win_rate: Share of wins among wins and losses, 0 to 1; None without any.
        expectancy_pct: Mean result; None without any.
        profit_factor: Sum of gains over sum of losses; infinite without a loss; None without any result.
    """

    count: int
    wins: int
    losses: int
    break_evens: int
    win_rate: Interval | None
    expectancy_pct: Interval | None
    profit_factor: Interval | None

    @property
    def is_meaningful(self) -> bool:
        """Whether there are enough results to say anything."""
        return self.count >= LEAST


def net_pct(gain_pct: float, fee: float, slippage: float) -> float:
    """Result after costs, in percent of the entry price.

    Args:
        gain_pct: Before costs, in percent of the entry price.
        fee: Of each side, as a share of its value (0.0006).
        slippage: Of each side, as a share of the price, always against us.
    """
    exit_ratio = 1.0 + gain_pct / 100.0
    return gain_pct - (fee + slippage) * (1.0 + exit_ratio) * 100.0


def wilson(wins: int, count: int) -> Interval | None:
    """Share of wins with its Wilson score interval; None for no results."""
    if count == 0:
        return None
    share = wins / count
    scale = 1.0 + _Z * _Z / count
    centre = (share + _Z * _Z / (2 * count)) / scale
    half = _Z * sqrt(share * (1.0 - share) / count + _Z * _Z / (4.0 * count * count)) / scale
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def profit_factor(results: Sequence[float]) -> float:
    """Sum of gains over sum of losses; infinite without a loss, 0 without either."""
    gains = sum([result for result in results if result > 0])
    losses = -sum([result for result in results if result < 0])
    return gains / losses if losses else (inf if gains else 0.0)


def record(results: Sequence[float]) -> Record:
    """What net results (percent of the entry price) show."""
    wins = sum(result >= _ZERO for result in results)
    losses = sum(result <= -_ZERO for result in results)
    drawn = [(sum(sample) / len(sample), profit_factor(sample)) for sample in _samples(results)] if results else []
    return Record(
        count=len(results),
        wins=wins,
        losses=losses,
        break_evens=len(results) - wins - losses,
        win_rate=wilson(wins, wins + losses),
        expectancy_pct=_interval(fmean(results), [mean for mean, _ in drawn]) if results else None,
        profit_factor=_interval(profit_factor(results), [factor for _, factor in drawn]) if results else None,
    )


def record_line(results: Sequence[float]) -> str:
    """What net results show, as one line for a message; no claim where there are too few."""
    shown = record(results)
    rate, mean = shown.win_rate, shown.expectancy_pct
    if not shown.is_meaningful:
        return f"this setup so far: {shown.count} results; n < {LEAST}: no claim"
    if rate is None or mean is None:
        return f"this setup so far: {shown.count} results, all break-even: no claim"
    return (
        f"this setup so far: {shown.wins} of {shown.wins + shown.losses} won "
        f"(95 %: {rate.low * 100:.0f}-{rate.high * 100:.0f} %), "
        f"expectancy {mean.value:+.2f} % ({mean.low:+.2f} to {mean.high:+.2f}) net of costs"
    )


def _samples(results: Sequence[float]) -> Iterator[list[float]]:
    """Resamples with replacement: a pure function of the results' number, as evenly spread as a seeded generator's."""
    count = len(results)
    for number in range(_RESAMPLES):
        draws = memoryview(shake_256(b"%d/%d" % (number, count)).digest(4 * count)).cast("I")
        yield [results[draw % count] for draw in draws]


def _interval(value: float, drawn: list[float]) -> Interval:
    drawn.sort()
    return Interval(value, drawn[_CUT], drawn[-_CUT - 1])


def equity_curve(results: Sequence[float]) -> list[float]:
    """What one unit becomes that is staked wholly on each net result (percent) in turn; begins with 1."""
    return list(accumulate(results, lambda equity, result: equity * (1.0 + result / 100.0), initial=1.0))


def max_drawdown(equity: Sequence[float]) -> float:
    """Largest fall from a peak, as a share of the peak, 0 to 1."""
    peak, worst = -inf, 0.0
    for value in equity:
        peak = max(peak, value)
        if peak > 0:
            worst = max(worst, 1.0 - value / peak)
    return worst
