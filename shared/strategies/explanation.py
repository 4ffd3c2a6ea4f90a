"""The conditions of a decision with the numbers they were asked of: what a strategy's ``explain`` gives."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol, runtime_checkable

from shared.domain.signal import Side
from shared.indicators.sma import sma
from shared.indicators.volume_spike import largest_spike
from shared.strategies.rsi_window import Series


class Gate(NamedTuple):
    """One condition. Names are those of the decision record (docs/signals.md).

    Attributes:
        name: Short and stable, for programs.
        value: What was measured; None where there is nothing to measure.
        threshold: What it was measured against; None where there is no number for that.
        passed: The verdict; None where it was not asked, because a gate before it failed.
        words: What it asks, for people.
    """

    name: str
    value: float | None
    threshold: float | None
    passed: bool | None
    words: str


class Explanation(NamedTuple):
    """All gates of one direction on one candle, in the order in which they are asked."""

    side: Side
    gates: tuple[Gate, ...]

    @property
    def is_entry(self) -> bool:
        """Whether every gate has passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def is_near_miss(self) -> bool:
        """Whether all gates were asked and exactly one has failed."""
        verdicts = [gate.passed for gate in self.gates]
        return None not in verdicts and verdicts.count(False) == 1


@runtime_checkable
class Explains(Protocol):
    """A strategy that can say why not."""

    def explain(self) -> tuple[Explanation, ...]:
        """Each direction on the newest candle taken; empty while the strategy is not warm."""
        ...


def asked_in_turn(first: Gate, others: Iterable[Gate]) -> tuple[Gate, ...]:
    """The gates; those behind a first one that failed have no verdict: there is nothing to ask them of."""
    return first, *(other if first.passed else other._replace(value=None, passed=None) for other in others)


def volume_gate(series: Series, first: int, last: int, period: int, factor: float) -> Gate:
    """The largest volume spike among the candles ``first..last`` (see `shared.indicators.volume_spike`)."""
    passed = largest_spike(series.quantities, first, last, period, factor) >= 0
    at = largest_spike(series.quantities, first, last, period, 0.0)
    ratio = None if at < 0 else series.quantities[at] / sma(series.quantities, at, period)
    return Gate("volume_ratio", ratio, factor, passed, "the largest quantity over its mean is above it")
