"""Shadows are known by their names alone."""

from shared.domain.shadow import is_shadow, shadow_name, strategy_of, told
from tests.makers import make_signal


def test_a_shadow_is_known_by_its_name_and_knows_its_strategy():
    name = shadow_name("rsi_divergence", "tight")
    assert name == "rsi_divergence@tight"
    assert (is_shadow(name), is_shadow("rsi_divergence")) == (True, False)
    assert strategy_of(name) == strategy_of("rsi_divergence") == "rsi_divergence"


def test_lines_of_shadows_are_told_to_nobody():
    line, shadow = make_signal(), make_signal(strategy="rsi_divergence@tight")
    assert told([shadow, line, shadow]) == [line]
