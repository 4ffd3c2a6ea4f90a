"""Candles in, entries out: RSI that crosses into oversold or overbought on a candle whose volume spikes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.domain.candle import Candle
from shared.domain.signal import Side
from shared.indicators.volume_spike import largest_spike
from shared.strategies.rsi_strategy import RsiStrategy
from shared.strategies.rsi_window import LONGEST, RsiWindow, levels
from shared.strategies.strategy import Entry, Strategy, check_limits, read_parameters

_NAME = "rsi_threshold"
_SNAPSHOT_SHAPE = 1


@dataclass(frozen=True)
class Parameters:
    """What can be set. Percentages are of a price, RSI values are points of 0 to 100.

    Attributes:
        rsi_period: Period of Wilder's RSI, candles.
        oversold: Crossing to or below it is a long entry.
        overbought: Crossing to or above it is a short entry.
        volume_period: Candles of the mean that a spike is measured against.
        volume_factor: A spike is larger than this many means.
        take_profit_pct: Distance of the take-profit level from the entry.
        stop_loss_pct: Distance of the stop-loss level from the entry.
    """

    rsi_period: int = 14
    oversold: float = 25.0
    overbought: float = 75.0
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
                "volume_period": (1, LONGEST),
                "volume_factor": (0, 1000),
                "take_profit_pct": (0.01, 99),
                "stop_loss_pct": (0.01, 99),
            },
        )


def crossing(before: float, now: float, oversold: float, overbought: float) -> int:
    """1 when the RSI has just come down to or below `oversold`, -1 when up to or above `overbought`, else 0.

    Only the step into the zone counts, not staying in it; an RSI that is not warm (NaN) crosses nothing.
    """
    if before > oversold >= now:
        return 1
    if before < overbought <= now:
        return -1
    return 0


class Threshold:
    """The rule: the RSI crosses into a zone on a candle whose volume spikes."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    def __call__(self, window: RsiWindow, candle: Candle) -> Entry | None:
        """The entry on the newest candle of the window, if any."""
        p = self._parameters
        direction = crossing(window.rsis[-2], window.rsis[-1], p.oversold, p.overbought)
        if direction == 0:
            return None
        if largest_spike(window.quantities, window.last, window.last, p.volume_period, p.volume_factor) < 0:
            return None
        return self._entry(direction, window, candle)

    def _entry(self, direction: int, window: RsiWindow, candle: Candle) -> Entry:
        p = self._parameters
        price = float(candle.close)
        take_profit, stop_loss = levels(direction, price, p.take_profit_pct, p.stop_loss_pct)
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
        rsi_period=p.rsi_period,
        reach=p.volume_period + 1,
        rule=Threshold(p),
    )
