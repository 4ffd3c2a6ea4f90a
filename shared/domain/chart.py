"""What a chart must show: plain numbers, all taken from candles and the decision record. A renderer only draws."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from shared.domain.candle import Candle


class LevelKind(StrEnum):
    """Meaning of a horizontal line; the renderer chooses colour and dash."""

    ENTRY = "entry"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    EXIT = "exit"


class Level(NamedTuple):
    """A horizontal price line."""

    kind: LevelKind
    label: str
    price: float


class Point(NamedTuple):
    """A point of a pane: candle open time (ms UTC) and value."""

    open_time: int
    value: float


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """One evidence chart.

    Attributes:
        title: ``BTC/USDT 1m - LONG - rsi_divergence``.
        subtitle: One line below it: the why, or the result.
        candles: Ascending and evenly spaced; about 120.
        price_decimals: Decimals of the price axis.
        levels: Horizontal lines of the price pane.
        rsi: RSI per candle as far as recorded; points outside the candles are left out.
        rsi_oversold: Lower line of the RSI pane.
        rsi_overbought: Upper line of the RSI pane.
        price_divergence: Line between the two price pivots, or empty.
        rsi_divergence: Line between the two RSI values at these pivots, or empty.
        spike_open_time: The candle whose volume spiked, or None.
        volume_mean: Mean quantity the spike was measured against, or None.
        entry: Candle and price of the entry.
        exit: Candle and price of the exit, once there is one.
    """

    title: str
    subtitle: str
    candles: tuple[Candle, ...]
    price_decimals: int
    levels: tuple[Level, ...]
    rsi: tuple[Point, ...]
    rsi_oversold: float
    rsi_overbought: float
    price_divergence: tuple[Point, ...]
    rsi_divergence: tuple[Point, ...]
    spike_open_time: int | None
    volume_mean: float | None
    entry: Point | None
    exit: Point | None
