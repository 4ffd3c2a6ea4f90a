"""A strategy's numeric side: the same rules as live has, and a clear word where there is none."""

import pytest

from services.cli.parts.backtest_strategy import make_live
from shared.backtest.numeric_strategy import numeric
from shared.errors import ConfigurationError, InvalidInput
from tests.backtest.rough_markets import EVERY_RULE, NAMES


@pytest.mark.parametrize("values", [{}, EVERY_RULE])
@pytest.mark.parametrize("name", NAMES)
def test_its_rules_are_those_of_the_live_strategy(name, values):
    strategy = numeric(name, values)
    live = make_live(strategy)
    assert live.name == strategy.name == name
    assert live.warm_up == strategy.rules.warm_up
    assert live.exits == strategy.rules.exits
    assert live.protections == strategy.rules.protections


@pytest.mark.parametrize("name", NAMES)
def test_values_are_numbers_of_one_type_whatever_they_were_given_as(name):
    """Machine code is made for types: a text or a whole number in place of a float must not make it anew."""
    given = numeric(name, {"take_profit_pct": "2", "stop_loss_pct": 1, "time_stop": "5"}).rules
    assert [type(number) for number in (*given.distances, *given.exits, *given.protections)] == [
        *[float] * 4, int, int, float, int, *[int] * 3,
    ]  # fmt: skip


def test_without_levels_in_ranges_there_is_no_atr():
    assert numeric("rsi_threshold", {}).rules.atr_period == 0
    assert numeric("rsi_threshold", {"stop_loss_atr": 1.5, "atr_period": 9}).rules.atr_period == 9


def test_a_strategy_without_a_numeric_side_is_refused():
    with pytest.raises(InvalidInput, match="'pivots' cannot be backtested"):
        numeric("pivots", {})


def test_a_wrong_parameter_is_named():
    with pytest.raises(ConfigurationError, match="no_such_thing"):
        numeric("rsi_divergence", {"no_such_thing": 1})
