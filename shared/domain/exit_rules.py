"""How positions are ended and when entries are allowed, as plain numbers. 0 switches a rule off."""

from typing import NamedTuple


class ExitRules(NamedTuple):
    """How a position is led.

    Attributes:
        targets: Number of targets, 1 or more.
        break_even_after: The stop moves to the entry once so many targets are reached.
        trailing_stop_pct: Distance of the trailing stop from the best price, in percent of it.
        time_stop: Candles after which the position is closed at the close.
    """

    targets: int
    break_even_after: int
    trailing_stop_pct: float
    time_stop: int


class ProtectionRules(NamedTuple):
    """What entries are protected against.

    Attributes:
        cooldown: Candles without an entry after any exit.
        guard_stops: Losing stops in a row that are too many.
        guard_pause: Candles without an entry after them.
    """

    cooldown: int
    guard_stops: int
    guard_pause: int
