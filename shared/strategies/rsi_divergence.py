"""Candles in, entries out: regular RSI divergence with a volume spike. docs/signals.md defines every word of it."""

from collections.abc import Mapping, MutableSequence, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

from shared.domain.candle import Candle
from shared.domain.signal import Side
from shared.indicators.volume_spike import largest_spike
from shared.strategies.explanation import Explanation, Gate, asked_in_turn, volume_gate
from shared.strategies.levels import levels
from shared.strategies.pivots import is_pivot
from shared.strategies.rsi_parameters import RsiParameters
from shared.strategies.rsi_strategy import RsiStrategy
from shared.strategies.rsi_window import LONGEST, RsiWindow, Series
from shared.strategies.strategy import Entry, Strategy, check_limits, read_parameters

_NAME = "rsi_divergence"
_SNAPSHOT_SHAPE = 2


@dataclass(frozen=True)
class Parameters(RsiParameters):
    """What can be set besides. Percentages are of a price.

    `oversold` and `overbought` are asked of the earlier pivot.

    Attributes:
        pivot_left: Candles before a pivot that it must be lower (higher) than.
        pivot_right: Candles after a pivot that it must be lower (higher) than: the delay of the signal.
        min_distance: Fewest candles from the earlier to the later pivot.
        max_distance: Most candles from the earlier to the later pivot.
        min_rsi_difference: The RSI must turn by more than this.
        min_price_difference_pct: The price must go further by at least this.
    """

    pivot_left: int = 5
    pivot_right: int = 2
    min_distance: int = 5
    max_distance: int = 60
    min_rsi_difference: float = 1.0
    min_price_difference_pct: float = 0.0

    def __post_init__(self) -> None:
        check_limits(
            self,
            self.limits()
            | {
                "pivot_left": (1, LONGEST),
                "pivot_right": (1, LONGEST),
                "min_distance": (1, LONGEST),
                "max_distance": (self.min_distance, LONGEST),
                "min_rsi_difference": (0, 100),
                "min_price_difference_pct": (0, 100),
            },
        )


class Rule(NamedTuple):
    """One direction of the divergence as plain numbers; `direction` is 1 for bullish (lows), -1 for bearish (highs)."""

    direction: int
    threshold: float
    left: int
    right: int
    min_distance: int
    max_distance: int
    min_rsi_difference: float
    min_price_difference_pct: float


def earlier_pivot(rule: Rule, prices: Sequence[float], rsis: Sequence[float], later: int) -> int:
    """Index of the pivot that diverges from the one at `later`, or -1.

    `prices` are lows for the bullish rule and highs for the bearish one. The nearest pivot that fulfils the whole rule
    is taken. Mirroring by a factor of -1 is exact, so both directions are one formula.
    """
    if not is_pivot(prices, later, rule.left, rule.right, rule.direction):
        return -1
    price = rule.direction * prices[later]
    strength = rule.direction * rsis[later]
    for index in range(later - rule.min_distance, max(later - rule.max_distance, 0) - 1, -1):
        price_before = rule.direction * prices[index]
        strength_before = rule.direction * rsis[index]
        if (
            strength_before <= rule.direction * rule.threshold
            and price < price_before
            and strength > strength_before + rule.min_rsi_difference
            and (price_before - price) * 100.0 >= rule.min_price_difference_pct * abs(price_before)
            and is_pivot(prices, index, rule.left, rule.right, rule.direction)
        ):
            return index
    return -1


class Rules(NamedTuple):
    """Both directions and the spike, as plain numbers."""

    bullish: Rule
    bearish: Rule
    volume_period: int
    volume_factor: float


class Found(NamedTuple):
    """What the newest candle confirms: `direction` 1, -1, or 0 for nothing; indices of both pivots and of the spike."""

    direction: int
    earlier: int
    later: int
    spike: int


def decide(rules: Rules, series: Series, last: int) -> Found:
    """The divergence that the candle at index `last` confirms. Live and backtest both decide by this function."""
    later = last - rules.bullish.right
    bullish = earlier_pivot(rules.bullish, series.lows, series.rsis, later)
    bearish = earlier_pivot(rules.bearish, series.highs, series.rsis, later)
    if (bullish < 0) == (bearish < 0):  # none, or one candle that contradicts itself
        return Found(0, -1, later, -1)
    spike = largest_spike(series.quantities, later, last, rules.volume_period, rules.volume_factor)
    if spike < 0:
        return Found(0, -1, later, -1)
    return Found(1 if bearish < 0 else -1, max(bullish, bearish), later, spike)


def explain(rules: Rules, series: Series, last: int) -> tuple[Explanation, ...]:
    """The gates of `decide` for each direction, with their numbers: an entry here is an entry there."""
    later = last - rules.bullish.right
    volume = volume_gate(series, later, last, rules.volume_period, rules.volume_factor)
    bullish = earlier_pivot(rules.bullish, series.lows, series.rsis, later)
    bearish = earlier_pivot(rules.bearish, series.highs, series.rsis, later)
    words = "no divergence of the other direction on the same candle"
    no_bullish = Gate("other_direction", None, None, bullish < 0, words)
    no_bearish = Gate("other_direction", None, None, bearish < 0, words)
    return (
        Explanation(Side.LONG, (*_gates_of(rules.bullish, series.lows, series.rsis, later, volume), no_bearish)),
        Explanation(Side.SHORT, (*_gates_of(rules.bearish, series.highs, series.rsis, later, volume), no_bullish)),
    )


def _gates_of(rule: Rule, prices: Sequence[float], rsis: Sequence[float], later: int, volume: Gate) -> tuple[Gate, ...]:
    """Those of one direction: the later pivot, then the earlier one that comes nearest to the rule, then the volume."""
    turns = [i for i in range(later - 1, -1, -1) if is_pivot(prices, i, rule.left, rule.right, rule.direction)]
    tried = [_conditions(rule, prices, rsis, index, later) for index in turns]
    best = min(tried, key=lambda gates: sum(not gate.passed for gate in gates), default=None)
    kind = "low" if rule.direction > 0 else "high"
    price = prices[later] if 0 <= later < len(prices) else None
    pivot = Gate(
        "pivot",
        price,
        None,
        is_pivot(prices, later, rule.left, rule.right, rule.direction),
        f"the {kind} {rule.right} candles ago is a pivot: beyond {rule.left} candles before and {rule.right} after it",
    )
    earlier = Gate("earlier_pivot", float(len(turns)), None, best is not None, f"there are earlier pivot {kind}s")
    unasked = (gate._replace(value=None, passed=None) for gate in _conditions(rule, prices, rsis, later, later))
    conditions = best or tuple(unasked)
    return asked_in_turn(pivot, (earlier, *conditions, volume))


def _conditions(
    rule: Rule, prices: Sequence[float], rsis: Sequence[float], earlier: int, later: int
) -> tuple[Gate, ...]:
    """What `earlier_pivot` asks of two pivots."""
    price, price_before = rule.direction * prices[later], rule.direction * prices[earlier]
    strength, strength_before = rule.direction * rsis[later], rule.direction * rsis[earlier]
    beyond = (price_before - price) * 100.0
    least, distance = rule.min_price_difference_pct, later - earlier
    zone, further = ("or below", "lower") if rule.direction > 0 else ("or above", "higher")
    weak = strength_before <= rule.direction * rule.threshold
    turned = strength > strength_before + rule.min_rsi_difference
    went = price < price_before and beyond >= least * abs(price_before)
    return (
        Gate("earlier_rsi", rsis[earlier], rule.threshold, weak, f"RSI of the earlier pivot is at {zone} it"),
        Gate(
            "rsi_difference", strength - strength_before, rule.min_rsi_difference, turned, "RSI turned by more than it"
        ),
        Gate(
            "price_difference_pct",
            beyond / abs(price_before),
            least,
            went,
            f"the later price is {further}, by at least it",
        ),
        Gate("min_distance", distance, rule.min_distance, distance >= rule.min_distance, "candles apart: at least it"),
        Gate("max_distance", distance, rule.max_distance, distance <= rule.max_distance, "candles apart: at most it"),
    )


def mark(rules: Rules, series: Series, marks: MutableSequence[bool]) -> None:
    """Set ``marks[i]`` wherever `decide` may find something at `i`; where it is left unset it certainly finds nothing.

    For those who ask about every candle of a year: one pass over the arrays costs a fraction of asking each candle.
    """
    highs, lows, rsis = series.highs, series.lows, series.rsis
    bullish, bearish = rules.bullish, rules.bearish
    left, right, furthest = bullish.left, bullish.right, bullish.max_distance
    weak, strong = furthest + 1, furthest + 1  # candles since one that could be the earlier pivot
    # Begun one candle before the first that may be the later pivot: an index that cannot be negative is cheaper.
    low, high, strength = lows[left - 1 :], highs[left - 1 :], rsis[left:]
    for i in range(len(strength) - right):
        weak = 0 if strength[i] <= bullish.threshold else weak + 1
        strong = 0 if strength[i] >= bearish.threshold else strong + 1
        # Toss-ups asked as one (`&`, not `and`): a processor that guesses wrong loses more than the asking costs.
        bottom = (low[i + 1] < low[i]) & (low[i + 1] < low[i + 2]) & (weak <= furthest)
        top = (high[i + 1] > high[i]) & (high[i + 1] > high[i + 2]) & (strong <= furthest)
        if bottom | top:
            marks[left + right + i] = (bottom and is_pivot(lows, left + i, left, right, 1)) or (
                top and is_pivot(highs, left + i, left, right, -1)
            )


def reach_of(p: Parameters) -> int:
    """Candles the rule looks back, the newest included."""
    return p.pivot_right + max(p.max_distance + p.pivot_left, p.volume_period) + 1


def rules_of(parameters: Parameters) -> Rules:
    """The parameters as `decide` wants them."""
    p = parameters
    shape = (p.pivot_left, p.pivot_right, p.min_distance, p.max_distance)
    least = (p.min_rsi_difference, p.min_price_difference_pct)
    return Rules(
        Rule(1, p.oversold, *shape, *least), Rule(-1, p.overbought, *shape, *least), p.volume_period, p.volume_factor
    )


class Divergence:
    """The rule: the candle confirms the later pivot of a divergence that has its spike."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._rules = rules_of(parameters)

    def __call__(self, window: RsiWindow, candle: Candle) -> Entry | None:
        """The entry on the newest candle of the window, if any."""
        found = decide(self._rules, window.series, window.last)
        if found.direction == 0:
            return None
        rule = self._rules.bullish if found.direction > 0 else self._rules.bearish
        return self._entry(rule, window, candle, (found.earlier, found.later, found.spike))

    def _entry(self, rule: Rule, window: RsiWindow, candle: Candle, found: tuple[int, int, int]) -> Entry:
        p, (earlier, later, spike) = self._parameters, found
        prices = window.lows if rule.direction > 0 else window.highs
        price = float(candle.close)
        take_profit, stop_loss = levels(rule.direction, price, p.distances, window.atr)

        def opened(index: int) -> int:
            return candle.open_time - (window.last - index) * candle.timeframe.millis

        pivots = [{"open_time": opened(i), "price": prices[i], "rsi": window.rsis[i]} for i in (earlier, later)]
        spiked = window.record_spike(spike, p.volume_period, opened(spike))
        decision = window.record_candle(candle) | {
            "rule": "regular_bullish" if rule.direction > 0 else "regular_bearish",
            "why": _why(rule, pivots, later - earlier, spiked["ratio"], window.price_decimals),
            "pivots": pivots,
            "spike": spiked,
            "gates": _gates(rule, pivots, later - earlier, spiked["ratio"], p.volume_factor),
            "parameters": asdict(p),
        }
        side = Side.LONG if rule.direction > 0 else Side.SHORT
        return Entry(side, price, take_profit, stop_loss, decision)


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
        rule=Divergence(p),
        explain=partial(explain, rules_of(p)),
    )


def _why(rule: Rule, pivots: list[dict[str, Any]], distance: int, ratio: float, decimals: int) -> str:
    first, second = pivots
    word = "Bullish" if rule.direction > 0 else "Bearish"
    return (
        f"{word} divergence: price {first['price']:,.{decimals}f} → {second['price']:,.{decimals}f} "
        f"while RSI {first['rsi']:.1f} → {second['rsi']:.1f} over {distance} candles; "
        f"volume {ratio:.1f}\N{MULTIPLICATION SIGN} its mean"
    )


def _gates(
    rule: Rule, pivots: list[dict[str, Any]], distance: int, ratio: float, volume_factor: float
) -> list[dict[str, Any]]:
    """The conditions with the numbers they were decided on. An entry exists, so each has passed."""
    first, second = pivots
    beyond_pct = rule.direction * (first["price"] - second["price"]) / first["price"] * 100.0
    rows = (
        ("earlier_rsi", first["rsi"], rule.threshold),
        ("rsi_difference", rule.direction * (second["rsi"] - first["rsi"]), rule.min_rsi_difference),
        ("price_difference_pct", beyond_pct, rule.min_price_difference_pct),
        ("min_distance", distance, rule.min_distance),
        ("max_distance", distance, rule.max_distance),
        ("volume_ratio", ratio, volume_factor),
    )
    return [{"name": name, "value": value, "threshold": limit, "passed": True} for name, value, limit in rows]
