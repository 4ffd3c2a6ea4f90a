"""Candles in, an error out where one stands off the grid of its timeframe: stores find candles by counting along it."""

from collections.abc import Iterable

from shared.domain.candle import Candle
from shared.errors import InvariantViolation


def check_on_grid(candles: Iterable[Candle]) -> None:
    """Pass when every open time is the start of a candle of its timeframe.

    Raises:
        InvariantViolation: One is not.
    """
    for candle in candles:
        if candle.timeframe.floor(candle.open_time) != candle.open_time:
            raise InvariantViolation(
                f"{candle.symbol}: open_time {candle.open_time} is not the start of a {candle.timeframe} candle"
            )
