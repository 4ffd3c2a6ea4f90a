"""What a user says of a strategy."""

import pytest

from services.cli.parts.backtest_strategy import make_live, make_numeric, names, parse_settings
from shared.errors import ConfigurationError, InvalidInput
from shared.strategies import rsi_divergence


def test_strategies_are_known_by_their_files():
    assert names() == ["rsi_divergence", "rsi_threshold"]


def test_settings_are_names_with_values():
    assert parse_settings(["oversold=20", " pivot_left = 3 "]) == {"oversold": "20", "pivot_left": "3"}


@pytest.mark.parametrize("texts", [["oversold"], ["=3"], ["oversold="], ["oversold=1", "oversold=2"]])
def test_a_setting_of_another_shape_is_refused(texts):
    with pytest.raises(InvalidInput, match="--set"):
        parse_settings(texts)


def test_the_live_strategy_has_the_same_parameters():
    live = make_live(make_numeric("rsi_divergence", {"oversold": "20"}))
    assert live.fingerprint == rsi_divergence.create({"oversold": 20}).fingerprint


def test_a_typo_is_answered_with_the_nearest_name():
    with pytest.raises(InvalidInput, match="did you mean 'rsi_threshold'"):
        make_numeric("rsi_treshold", {})
    with pytest.raises(InvalidInput, match="known: rsi_divergence"):
        make_numeric("xyz", {})
    with pytest.raises(ConfigurationError, match="unknown parameter 'oversould'"):
        make_numeric("rsi_divergence", {"oversould": "3"})
