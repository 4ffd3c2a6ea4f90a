import pytest

from services.logic_engine.strategy_loader import load, makers, names, shadow_sections
from shared.errors import ConfigurationError


def test_the_strategies_are_the_files_that_make_one():
    found = names()
    assert {"rsi_divergence", "rsi_threshold"} <= set(found)
    assert not {"pivots", "strategy", "rsi_window"} & set(found)


@pytest.mark.parametrize("name", names())
def test_every_strategy_is_named_like_its_file_and_starts_with_its_defaults(name):
    strategy = load(name)({})
    assert strategy.name == name
    assert strategy.warm_up >= 250
    assert strategy.seen == 0
    assert load(name)({}).fingerprint == strategy.fingerprint


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="unknown strategy 'macd'; known: rsi_divergence, rsi_threshold"):
        load("macd")


def test_parameters_of_a_symbol_go_before_those_of_the_strategy():
    section = {"stop_loss_pct": 0.5, "symbols": {"ETHUSDT": {"stop_loss_pct": 0.9}}}
    made = makers({"rsi_threshold": section}, ["BTCUSDT", "ETHUSDT"])
    prints = {symbol: make().fingerprint for (_, symbol), make in made.items()}
    assert prints["BTCUSDT"] == load("rsi_threshold")({"stop_loss_pct": 0.5}).fingerprint
    assert prints["ETHUSDT"] == load("rsi_threshold")({"stop_loss_pct": 0.9}).fingerprint


def test_all_faults_are_told_at_once_and_each_once():
    section = {"rsi_period": 1, "symbols": {"ETHUSD": {}, "ETHUSDT": {"oversold": -1}}}
    with pytest.raises(ConfigurationError) as caught:
        makers({"macd": {}, "rsi_threshold": section}, ["BTCUSDT", "ETHUSDT"])
    assert str(caught.value).splitlines() == [
        "unknown strategy 'macd'; known: rsi_divergence, rsi_threshold",
        "strategy rsi_threshold: parameters for ETHUSD, not watched; watched: BTCUSDT, ETHUSDT",
        "strategy rsi_threshold: rsi_period = 1: give 2 to 1000",
        "strategy rsi_threshold: oversold = -1.0: give 0 to 100",
    ]


def test_a_shadow_differs_from_its_strategy_by_what_it_sets_and_by_nothing_else():
    base = {"oversold": 30, "stop_loss_pct": 0.5, "symbols": {"ETHUSDT": {"stop_loss_pct": 0.9, "oversold": 20}}}
    shadow = {"strategy": "rsi_threshold", "stop_loss_pct": 0.4, "symbols": {"btcusdt": {"oversold": 10}}}
    sections = shadow_sections({"rsi_threshold": base}, {"tight": shadow})
    made = makers(sections, ["BTCUSDT", "ETHUSDT"])
    assert {name for name, _ in made} == {"rsi_threshold@tight"}
    create = load("rsi_threshold")
    for symbol, oversold in (("BTCUSDT", 10), ("ETHUSDT", 20)):
        wanted = create({"oversold": oversold, "stop_loss_pct": 0.4}).fingerprint
        assert made["rsi_threshold@tight", symbol]().fingerprint == wanted


def test_faults_of_shadows_are_told_by_their_names():
    with pytest.raises(ConfigurationError) as caught:
        shadow_sections({}, {"one": {}, "two": {"oversold": 3}, "three": {"strategy": "rsi_threshold"}})
    assert str(caught.value).splitlines() == [
        "shadows.one.strategy is not set; known: " + ", ".join(names()),
        "shadows.two.strategy is not set; known: " + ", ".join(names()),
    ]
    sections = shadow_sections({}, {"a": {"strategy": "macd"}, "b": {"strategy": "rsi_threshold", "colour": 1}})
    with pytest.raises(ConfigurationError) as caught:
        makers(sections, ["BTCUSDT"])
    first, second = str(caught.value).splitlines()
    assert first.startswith("unknown strategy 'macd'")
    assert second.startswith("strategy rsi_threshold@b: unknown parameter 'colour'")
