"""Candles in, the newest of them as plain floats with their running RSI out: the memory of every RSI strategy."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isnan, nan
from typing import Any, NamedTuple

from shared.domain.candle import Candle
from shared.indicators import atr, rsi
from shared.indicators.sma import sma

RECORDED = 120
"""Candles of RSI that a decision record holds: as many as a chart shows."""

LONGEST = 1000
"""Most candles a parameter may span: a book is stored with every candle, so it stays small."""

_LISTS = ("highs", "lows", "quantities", "rsis", "decimals")


class Series(NamedTuple):
    """What a rule looks at: lists or arrays of equal length, oldest first; an index means the same candle in each."""

    highs: Sequence[float]
    lows: Sequence[float]
    quantities: Sequence[float]
    rsis: Sequence[float]


class RsiWindow:
    """Highs, lows, quantities and RSI of the newest candles, oldest first; an index means the same candle in each list.

    The lists are read by the strategies' rules and changed only here.
    """

    def __init__(self, rsi_period: int, reach: int, atr_period: int = 0) -> None:
        """`reach` is the number of candles that the rules look at, the newest included; without an ATR period there is
        no ATR."""
        self._period = rsi_period
        self._atr_period = atr_period
        self._atr = atr.START
        self.atr = nan
        self._size = max(reach, RECORDED)
        self._rsi = rsi.START
        self.seen = 0
        self.highs: list[float] = []
        self.lows: list[float] = []
        self.quantities: list[float] = []
        self.rsis: list[float] = []
        self.decimals: list[int] = []

    @property
    def last(self) -> int:
        """Index of the newest candle; -1 before the first."""
        return len(self.rsis) - 1

    @property
    def price_decimals(self) -> int:
        """Most decimals of any close in the window: what a price needs to be shown in full."""
        return max(self.decimals)

    @property
    def series(self) -> Series:
        """The lists as `decide` of a strategy wants them."""
        return Series(self.highs, self.lows, self.quantities, self.rsis)

    def take(self, candle: Candle) -> None:
        """Add the next candle and let the oldest go."""
        self._rsi, value = rsi.step(self._rsi, float(candle.close), self._period)
        if self._atr_period:
            self._atr, self.atr = atr.step(
                self._atr, float(candle.high), float(candle.low), float(candle.close), self._atr_period
            )
        self.seen += 1
        self.highs.append(float(candle.high))
        self.lows.append(float(candle.low))
        self.quantities.append(float(candle.quantity))
        self.rsis.append(value)
        self.decimals.append(_decimals(candle.close))
        if len(self.rsis) > self._size:
            for name in _LISTS:
                del getattr(self, name)[0]

    def record_spike(self, index: int, period: int, open_time: int) -> dict[str, Any]:
        """The ``spike`` part of a decision record: the candle at `index`, opened at `open_time` (ms UTC)."""
        quantity = self.quantities[index]
        mean = sma(self.quantities, index, period)
        return {"open_time": open_time, "quantity": quantity, "mean": mean, "ratio": quantity / mean}

    def record_candle(self, candle: Candle) -> dict[str, Any]:
        """The parts of a decision record that every RSI strategy has; `candle` is the newest."""
        values = self.rsis[-RECORDED:]
        prices = {name: float(getattr(candle, name)) for name in ("open", "high", "low", "close", "quantity")}
        return {
            "rsi": values[-1],
            "rsi_series": {
                "first_open_time": candle.open_time - (len(values) - 1) * candle.timeframe.millis,
                "values": values,
            },
            "price_decimals": self.price_decimals,
            "candle": prices,
        }

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain JSON values, a copy; JSON has no NaN, so "not warm yet" is null."""
        state: dict[str, Any] = {name: getattr(self, name).copy() for name in _LISTS}
        if self.rsis and isnan(self.rsis[0]):  # only the first candles have no RSI: one that has is followed by none
            state["rsis"] = list(map(_to_json, self.rsis))
        ranges = {"atr": list(map(_to_json, (*self._atr, self.atr)))} if self._atr_period else {}
        return state | ranges | {"seen": self.seen, "rsi": list(map(_to_json, self._rsi))}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave."""
        close, gain, loss, changes = state["rsi"]
        self._rsi = rsi.RsiState(_to_float(close), float(gain), float(loss), int(changes))
        if self._atr_period:
            close, mean, ranges, self.atr = map(_to_float, state["atr"])
            self._atr = atr.AtrState(close, mean, int(ranges))
        self.seen = int(state["seen"])
        self.highs = list(map(float, state["highs"]))
        self.lows = list(map(float, state["lows"]))
        self.quantities = list(map(float, state["quantities"]))
        self.rsis = list(map(_to_float, state["rsis"]))
        self.decimals = list(map(int, state["decimals"]))


def warm_up_candles(rsi_period: int, reach: int) -> int:
    """Candles after which the seed of the RSI no longer shows.

    Its weight fades by (period - 1) / period a candle: after 18 periods (252 candles at period 14) less than
    1e-7 of it is left.
    """
    return max(250, 18 * rsi_period, reach)


def _decimals(price: Decimal) -> int:
    exponent = price.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _to_json(value: float) -> float | None:
    return None if isnan(value) else value


def _to_float(value: float | None) -> float:
    return nan if value is None else float(value)
