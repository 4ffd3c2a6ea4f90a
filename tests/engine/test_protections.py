"""When an entry is allowed again after exits."""

import pytest

from shared.domain.exit_rules import ProtectionRules
from shared.engine.protections import START, after_candle, after_exit


def quiet_candles(rules, exits):
    """For each candle whether an entry would be allowed; `exits` says of each whether it saw a stop, a gain or none."""
    quiet, allowed = START, []
    for exit_ in exits:
        if exit_ != "-":
            quiet = after_exit(quiet, rules, exit_ == "s")
        allowed.append("y" if quiet.candles == 0 else "n")
        quiet = after_candle(quiet)
    return "".join(allowed)


@pytest.mark.parametrize(
    ("rules", "exits", "allowed"),
    [
        (ProtectionRules(0, 0, 0), "s-g-", "yyyy"),
        (ProtectionRules(1, 0, 0), "s---", "nyyy"),
        (ProtectionRules(3, 0, 0), "g----", "nnnyy"),
        (ProtectionRules(0, 2, 3), "s-s-----", "yynnnyyy"),
        (ProtectionRules(0, 2, 3), "s-g-s-", "yyyyyy"),
        (ProtectionRules(0, 2, 2), "ss--s-s--", "ynnyyynny"),
        (ProtectionRules(4, 1, 2), "s-----", "nnnnyy"),
    ],
)
def test_cooldown_and_stop_loss_guard(rules, exits, allowed):
    assert quiet_candles(rules, exits) == allowed
