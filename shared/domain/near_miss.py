"""An entry that a strategy wished for and that was not made."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.domain.signal import Side

_DIGITS = 13  # of a time in ms, so that the order of the keys is the order of the times


class Refusal(StrEnum):
    """What refused it."""

    PROTECTED = "protected"
    MACRO = "macro"


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An entry that was refused. Prices are quote units, times ms UTC.

    Attributes:
        strategy: Name of the strategy.
        exchange: Venue and product.
        symbol: Compact pair.
        side: Direction it would have had.
        open_time: Of the signal candle.
        time: End of that candle.
        price: Where it would have been entered.
        take_profit: Price level.
        stop_loss: Price level.
        refusal: PROTECTED: the cooldown or the guard of the strategy; MACRO: an active bias of the other direction.
        words: Why, in one line for people.
        decision: The decision record (docs/signals.md), as an entry would carry it.
    """

    strategy: str
    exchange: str
    symbol: str
    side: Side
    open_time: int
    time: int
    price: float
    take_profit: float
    stop_loss: float
    refusal: Refusal
    words: str
    decision: dict[str, Any]

    @property
    def key(self) -> str:
        """``strategy/symbol/open_time``: one per candle, and in their order."""
        return f"{self.strategy}/{self.symbol}/{self.open_time:0{_DIGITS}d}"
