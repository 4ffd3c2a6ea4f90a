"""How a position is ended, as parameters every strategy has: levels, targets, stops that move, and protections."""

from dataclasses import dataclass

from shared.domain.exit_rules import ExitRules, ProtectionRules
from shared.strategies.levels import Distances

LIMITS: dict[str, tuple[float, float]] = {
    "take_profit_pct": (0.01, 99),
    "stop_loss_pct": (0.01, 99),
    "take_profit_atr": (0, 100),
    "stop_loss_atr": (0, 100),
    "atr_period": (1, 1000),
    "targets": (1, 3),
    "break_even_after": (0, 3),
    "trailing_stop_pct": (0, 99),
    "time_stop": (0, 100_000),
    "cooldown": (0, 100_000),
    "guard_stops": (0, 100),
    "guard_pause": (0, 100_000),
}
"""Least and most allowed value of each."""


@dataclass(frozen=True)
class ExitParameters:
    """What can be set. 0 switches a rule off; percentages are of the entry price.

    Attributes:
        take_profit_pct: Distance of the take profit from the entry.
        stop_loss_pct: Distance of the stop loss from the entry.
        take_profit_atr: Distance of the take profit in Average True Ranges; goes before the percentage.
        stop_loss_atr: Distance of the stop loss in Average True Ranges; goes before the percentage.
        atr_period: Period of the Average True Range, candles.
        targets: Targets at equal steps up to the take profit; each closes an equal share.
        break_even_after: The stop moves to the entry after so many targets.
        trailing_stop_pct: Distance of a stop that follows the best price.
        time_stop: Candles after which the position is closed.
        cooldown: Candles without an entry after an exit.
        guard_stops: Losing stops in a row after which there is a pause.
        guard_pause: Candles of that pause.
    """

    take_profit_pct: float = 1.5
    stop_loss_pct: float = 0.7
    take_profit_atr: float = 0.0
    stop_loss_atr: float = 0.0
    atr_period: int = 14
    targets: int = 1
    break_even_after: int = 0
    trailing_stop_pct: float = 0.0
    time_stop: int = 0
    cooldown: int = 0
    guard_stops: int = 0
    guard_pause: int = 0

    @property
    def needs_atr(self) -> bool:
        """Whether a level is measured in Average True Ranges."""
        return self.take_profit_atr > 0 or self.stop_loss_atr > 0

    @property
    def exits(self) -> ExitRules:
        """How positions are led, as plain numbers."""
        return ExitRules(self.targets, self.break_even_after, self.trailing_stop_pct, self.time_stop)

    @property
    def protections(self) -> ProtectionRules:
        """When entries are allowed, as plain numbers."""
        return ProtectionRules(self.cooldown, self.guard_stops, self.guard_pause)

    @property
    def distances(self) -> Distances:
        """Distances of the levels as plain numbers."""
        return Distances(self.take_profit_pct, self.stop_loss_pct, self.take_profit_atr, self.stop_loss_atr)
