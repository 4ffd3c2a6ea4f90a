"""Candles in, entries out: RSI that crosses into oversold or overbought on a candle whose volume spikes."""

from collections.abc import Mapping, MutableSequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

from shared.domain.candle import Candle
from shared.domain.signal import Side
from shared.indicators.volume_spike import largest_spike
from shared.strategies.explanation import Explanation, Gate, asked_in_turn, volume_gate
from shared.strategies.levels import levels
from shared.strategies.rsi_parameters import RsiParameters
from shared.strategies.rsi_strategy import RsiStrategy
from shared.strategies.rsi_window import RsiWindow, Series
from shared.strategies.strategy import Entry, Strategy, check_limits, read_parameters

_NAME = "rsi_threshold"
_SNAPSHOT_SHAPE = 2


@dataclass(frozen=True)
class Parameters(RsiParameters):
    """What can be set. Crossing to or below `oversold` is a long entry, to or above `overbought` a short one."""

    def __post_init__(self) -> None:
        check_limits(self, self.limits())


def crossing(before: float, now: float, oversold: float, overbought: float) -> int:
    """1 when the RSI has just come down to or below `oversold`, -1 when up to or above `overbought`, else 0.

    Only the step into the zone counts, not staying in it; an RSI that is not warm (NaN) crosses nothing.
    """
    if before > oversold >= now:
        return 1
    if before < overbought <= now:
        return -1
    return 0


class Rules(NamedTuple):
    """The parameters of the decision as plain numbers."""

    oversold: float
    overbought: float
    volume_period: int
    volume_factor: float


class Found(NamedTuple):
    """What the newest candle says: `direction` 1, -1, or 0 for nothing."""

    direction: int


def decide(rules: Rules, series: Series, last: int) -> Found:
    """The entry on the candle at index `last`. Live and backtest both decide by this function."""
    direction = crossing(series.rsis[last - 1], series.rsis[last], rules.oversold, rules.overbought)
    if direction != 0 and largest_spike(series.quantities, last, last, rules.volume_period, rules.volume_factor) < 0:
        return Found(0)
    return Found(direction)


def explain(rules: Rules, series: Series, last: int) -> tuple[Explanation, ...]:
    """The gates of `decide` for each direction, with their numbers: an entry here is an entry there."""
    before, now = series.rsis[last - 1], series.rsis[last]
    low, high = rules.oversold, rules.overbought
    oversold = Gate("rsi", now, low, now <= low, "RSI of the candle is at or below it")
    overbought = Gate("rsi", now, high, now >= high, "RSI of the candle is at or above it")
    from_above = Gate("rsi_before", before, low, before > low, "RSI of the candle before was above it")
    from_below = Gate("rsi_before", before, high, before < high, "RSI of the candle before was below it")
    volume = volume_gate(series, last, last, rules.volume_period, rules.volume_factor)
    return (
        Explanation(Side.LONG, asked_in_turn(oversold, (from_above, volume))),
        Explanation(Side.SHORT, asked_in_turn(overbought, (from_below, volume))),
    )


def mark(rules: Rules, series: Series, marks: MutableSequence[bool]) -> None:
    """Set ``marks[i]`` wherever `decide` may find something at `i`; everywhere else it certainly finds nothing."""
    rsis = series.rsis
    for last in range(1, len(rsis)):
        marks[last] = crossing(rsis[last - 1], rsis[last], rules.oversold, rules.overbought) != 0


def reach_of(p: Parameters) -> int:
    """Candles the rule looks back, the newest included."""
    return p.volume_period + 1


def rules_of(parameters: Parameters) -> Rules:
    """The parameters as `decide` wants them."""
    p = parameters
    return Rules(p.oversold, p.overbought, p.volume_period, p.volume_factor)


class Threshold:
    """The rule: the RSI crosses into a zone on a candle whose volume spikes."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._rules = rules_of(parameters)

    def __call__(self, window: RsiWindow, candle: Candle) -> Entry | None:
        """The entry on the newest candle of the window, if any."""
        found = decide(self._rules, window.series, window.last)
        return self._entry(found.direction, window, candle) if found.direction else None

    def _entry(self, direction: int, window: RsiWindow, candle: Candle) -> Entry:
        p = self._parameters
        price = float(candle.close)
        take_profit, stop_loss = levels(direction, price, p.distances, window.atr)
        value = window.rsis[-1]
        zone, limit = ("oversold", p.oversold) if direction > 0 else ("overbought", p.overbought)
        spiked = window.record_spike(window.last, p.volume_period, candle.open_time)
        decision = window.record_candle(candle) | {
            "rule": zone,
            "why": f"RSI {window.rsis[-2]:.1f} → {value:.1f}, {zone} (limit {limit:g}); "
            f"volume {spiked['ratio']:.1f}\N{MULTIPLICATION SIGN} its mean",
            "pivots": [],
            "spike": spiked,
            "gates": [
                {"name": "rsi_before", "value": window.rsis[-2], "threshold": limit, "passed": True},
                {"name": "rsi", "value": value, "threshold": limit, "passed": True},
                {"name": "volume_ratio", "value": spiked["ratio"], "threshold": p.volume_factor, "passed": True},
            ],
            "parameters": asdict(p),
        }
        return Entry(Side.LONG if direction > 0 else Side.SHORT, price, take_profit, stop_loss, decision)


def create(parameters: Mapping[str, Any]) -> Strategy:
    """The strategy with these parameters over the defaults.

    Raises:
        ConfigurationError: A parameter is unknown or wrong; the text names it and the cure.
    """
    p = read_parameters(Parameters, parameters)
    return RsiStrategy(
        name=_NAME,
        parameters=p,
        shape=_SNAPSHOT_SHAPE,
        reach=reach_of(p),
        rule=Threshold(p),
        explain=partial(explain, rules_of(p)),
    )
