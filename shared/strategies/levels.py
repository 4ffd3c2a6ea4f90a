"""An entry price in, take profit and stop loss out. Plain numbers, so that a compiler can take this file as it is."""

from math import isnan
from typing import NamedTuple


class Distances(NamedTuple):
    """Of the levels from the entry: in Average True Ranges where that is above 0, else in percent of the price."""

    take_profit_pct: float
    stop_loss_pct: float
    take_profit_atr: float
    stop_loss_atr: float


def levels(direction: int, price: float, distances: Distances, atr: float) -> tuple[float, float]:
    """Take-profit and stop-loss level.

    Args:
        direction: 1 for a long position, -1 for a short one.
        price: Of the entry.
        distances: See there.
        atr: Average True Range at the entry, in price units; NaN where it is not known, then percentages count.
    """
    return (
        level(direction, price, distances.take_profit_pct, distances.take_profit_atr * atr),
        level(-direction, price, distances.stop_loss_pct, distances.stop_loss_atr * atr),
    )


def level(direction: int, price: float, pct: float, distance: float) -> float:
    """The price `distance` away from `price` in `direction`; `pct` percent away where there is no distance."""
    if isnan(distance) or distance <= 0.0:
        return price * (1.0 + direction * pct / 100.0)
    return price + direction * distance
