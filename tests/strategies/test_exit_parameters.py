"""Parameters as the plain numbers that machines work with."""

from shared.domain.exit_rules import ExitRules, ProtectionRules
from shared.strategies.exit_parameters import LIMITS, ExitParameters
from shared.strategies.levels import Distances


def test_each_parameter_reaches_its_rule():
    p = ExitParameters(
        take_profit_pct=2.0,
        stop_loss_pct=1.0,
        take_profit_atr=3.0,
        stop_loss_atr=1.5,
        targets=3,
        break_even_after=1,
        trailing_stop_pct=0.4,
        time_stop=60,
        cooldown=5,
        guard_stops=3,
        guard_pause=30,
    )
    assert p.distances == Distances(2.0, 1.0, 3.0, 1.5)
    assert p.exits == ExitRules(targets=3, break_even_after=1, trailing_stop_pct=0.4, time_stop=60)
    assert p.protections == ProtectionRules(cooldown=5, guard_stops=3, guard_pause=30)
    assert p.needs_atr


def test_by_default_everything_but_the_two_levels_is_off():
    p = ExitParameters()
    assert p.exits == ExitRules(1, 0, 0.0, 0)
    assert p.protections == ProtectionRules(0, 0, 0)
    assert not p.needs_atr


def test_every_parameter_has_its_limits():
    assert set(LIMITS) == set(ExitParameters.__dataclass_fields__)
