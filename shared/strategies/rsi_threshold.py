"""Candles in, entries out: RSI that crosses into oversold or overbought on a candle whose volume spikes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.domain.candle import Candle
from shared.domain.signal import Side
from shared.indicators.volume_spike import largest_spike
from shared.strategies.rsi_window import LONGEST, RsiWindow, levels, warm_up_candles
from shared.strategies.strategy import Entry, Strategy, check_limits, make_fingerprint, read_parameters

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


class RsiThreshold:
    """The strategy: an RSI window and one crossing."""

    def __init__(self, parameters: Parameters) -> None:
        p = self._parameters = parameters
        reach = p.volume_period + 1
        self._warm_up = warm_up_candles(p.rsi_period, reach)
        self._window = RsiWindow(p.rsi_period, reach)
        self._fingerprint = make_fingerprint(_NAME, _SNAPSHOT_SHAPE, p)

    @property
    def name(self) -> str:
        """The file's name."""
        return _NAME

    @property
    def fingerprint(self) -> str:
        """Changes with the parameters."""
        return self._fingerprint

    @property
    def warm_up(self) -> int:
        """Candles that must have been seen before an entry is allowed."""
        return self._warm_up

    @property
    def seen(self) -> int:
        """Candles seen so far."""
        return self._window.seen

    def on_candle(self, candle: Candle) -> Entry | None:
        """Take the next candle; an entry when the RSI crosses into a zone on it and its volume spikes."""
        window, p = self._window, self._parameters
        window.take(candle)
        if window.seen < self._warm_up:
            return None
        direction = crossing(window.rsis[-2], window.rsis[-1], p.oversold, p.overbought)
        if direction == 0:
            return None
        if largest_spike(window.quantities, window.last, window.last, p.volume_period, p.volume_factor) < 0:
            return None
        return self._entry(direction, candle)

    def snapshot(self) -> dict[str, Any]:
        """The whole memory as plain JSON values."""
        return self._window.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a memory that `snapshot` gave."""
        self._window.restore(state)

    def _entry(self, direction: int, candle: Candle) -> Entry:
        p, window = self._parameters, self._window
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
    return RsiThreshold(read_parameters(Parameters, parameters))
