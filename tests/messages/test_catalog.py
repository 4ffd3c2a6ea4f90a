"""The catalog: names that lead to one another without a second table."""

from shared.messages.catalog import CANDLES, CONTRACTS, MACRO_BIAS, NOTICES, SIGNALS, TRADES, subscription
from tests.architecture.house import ROOT


def test_every_row_of_the_page_is_in_the_table_once():
    assert set(CONTRACTS) == {TRADES, CANDLES, SIGNALS, NOTICES, MACRO_BIAS}
    names = [contract.name for contract in CONTRACTS]
    topics = [contract.topic for contract in CONTRACTS]
    assert len(set(names)) == len(set(topics)) == len(CONTRACTS)


def test_senders_and_readers_are_services_of_this_house():
    homes = {path.name for path in (ROOT / "services").iterdir() if path.is_dir()}
    for contract in CONTRACTS:
        assert contract.producers
        assert contract.consumers
        assert set(contract.producers + contract.consumers) <= homes


def test_subscriptions_are_named_as_cloud_names_are():
    assert subscription(CANDLES, "logic_engine") == "candles-1m-logic-engine"
    names = [subscription(contract, service) for contract in CONTRACTS for service in contract.consumers]
    assert len(set(names)) == len(names)
    for name in names:
        assert name.replace("-", "").isalnum()
        assert name == name.lower()


def test_what_may_not_be_lost_has_dead_letters():
    assert SIGNALS.dead_letter == "trade-signals-micro-dead"
    assert NOTICES.dead_letter == "data-notices-dead"
    assert MACRO_BIAS.dead_letter == "macro-bias-updates-dead"
    dead_letters = {each.dead_letter for each in (SIGNALS, NOTICES, MACRO_BIAS)}
    assert not dead_letters & {contract.topic for contract in CONTRACTS}
