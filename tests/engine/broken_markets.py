"""Seeds and holes in, candles of markets with missing and incomplete minutes out; and strategies that enter there."""

from dataclasses import replace
from functools import partial

from shared.domain.candle import Candle
from shared.strategies import rsi_divergence, rsi_threshold
from tests.strategies.markets import walk

LOOSE = {"take_profit_pct": 0.5, "stop_loss_pct": 0.4, "volume_factor": 0.5}
STRATEGIES = {
    "rsi_threshold": partial(rsi_threshold.create, {"oversold": 45, "overbought": 55, **LOOSE}),
    "rsi_divergence": partial(rsi_divergence.create, {"oversold": 45, "overbought": 55, "pivot_left": 2, **LOOSE}),
}


def broken_market(seed, holes):
    """A market where minutes are missing (even numbers) or incomplete (odd ones)."""
    candles: dict[int, Candle | None] = dict(enumerate(walk(seed, 620)))
    for hole in holes:
        candles[hole] = None if hole % 2 == 0 else replace(candles[hole], complete=False)
    return [candle for candle in candles.values() if candle is not None]
