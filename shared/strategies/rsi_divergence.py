"""Candles in, entries out: regular RSI divergence with a volume spike. docs/signals.md defines every word of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from shared.domain.candle import Candle
from shared.domain.signal import Side
from shared.indicators.volume_spike import largest_spike
from shared.strategies.pivots import is_pivot
from shared.strategies.rsi_strategy import RsiStrategy
from shared.strategies.rsi_window import LONGEST, RsiWindow, levels
from shared.strategies.strategy import Entry, Strategy, check_limits, read_parameters

_NAME = "rsi_divergence"
_SNAPSHOT_SHAPE = 1


@dataclass(frozen=True)
class Parameters:
    """What can be set. Percentages are of a price, RSI values are points of 0 to 100.

    Attributes:
        rsi_period: Period of Wilder's RSI, candles.
        oversold: The earlier low must have an RSI at or below it.
        overbought: The earlier high must have an RSI at or above it.
        pivot_left: Candles before a pivot that it must be lower (higher) than.
        pivot_right: Candles after a pivot that it must be lower (higher) than: the delay of the signal.
        min_distance: Fewest candles from the earlier to the later pivot.
        max_distance: Most candles from the earlier to the later pivot.
        min_rsi_difference: The RSI must turn by more than this.
        min_price_difference_pct: The price must go further by at least this.
        volume_period: Candles of the mean that a spike is measured against.
        volume_factor: A spike is larger than this many means.
        take_profit_pct: Distance of the take-profit level from the entry.
        stop_loss_pct: Distance of the stop-loss level from the entry.
    """

    rsi_period: int = 14
    oversold: float = 25.0
    overbought: float = 75.0
    pivot_left: int = 5
    pivot_right: int = 2
    min_distance: int = 5
    max_distance: int = 60
    min_rsi_difference: float = 1.0
    min_price_difference_pct: float = 0.0
    volume_period: int = 20
    volume_factor: float = 1.5
    take_profit_pct: float = 1.5
    stop_loss_pct: float = 0.7

    def __post_init__(self) -> None:
        check_limits(
            self,
            {
                "rsi_period": (2, LONGEST),
                "oversold": (0, 100),
                "overbought": (self.oversold, 100),
                "pivot_left": (1, LONGEST),
                "pivot_right": (1, LONGEST),
                "min_distance": (1, LONGEST),
                "max_distance": (self.min_distance, LONGEST),
                "min_rsi_difference": (0, 100),
                "min_price_difference_pct": (0, 100),
                "volume_period": (1, LONGEST),
                "volume_factor": (0, 1000),
                "take_profit_pct": (0.01, 99),
                "stop_loss_pct": (0.01, 99),
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


class Divergence:
    """The rule: the candle confirms the later pivot of a divergence that has its spike."""

    def __init__(self, parameters: Parameters) -> None:
        p = self._parameters = parameters
        shape = (p.pivot_left, p.pivot_right, p.min_distance, p.max_distance)
        least = (p.min_rsi_difference, p.min_price_difference_pct)
        self._bullish = Rule(1, p.oversold, *shape, *least)
        self._bearish = Rule(-1, p.overbought, *shape, *least)

    def __call__(self, window: RsiWindow, candle: Candle) -> Entry | None:
        """The entry on the newest candle of the window, if any."""
        p = self._parameters
        later = window.last - p.pivot_right
        bullish = earlier_pivot(self._bullish, window.lows, window.rsis, later)
        bearish = earlier_pivot(self._bearish, window.highs, window.rsis, later)
        if (bullish < 0) == (bearish < 0):  # none, or one candle that contradicts itself
            return None
        spike = largest_spike(window.quantities, later, window.last, p.volume_period, p.volume_factor)
        if spike < 0:
            return None
        rule = self._bullish if bearish < 0 else self._bearish
        return self._entry(rule, window, candle, (max(bullish, bearish), later, spike))

    def _entry(self, rule: Rule, window: RsiWindow, candle: Candle, found: tuple[int, int, int]) -> Entry:
        p, (earlier, later, spike) = self._parameters, found
        prices = window.lows if rule.direction > 0 else window.highs
        price = float(candle.close)
        take_profit, stop_loss = levels(rule.direction, price, p.take_profit_pct, p.stop_loss_pct)

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
        rsi_period=p.rsi_period,
        reach=p.pivot_right + max(p.max_distance + p.pivot_left, p.volume_period) + 1,
        rule=Divergence(p),
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
