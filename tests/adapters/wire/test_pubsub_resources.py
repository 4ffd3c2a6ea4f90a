"""Message contracts in, topics and subscriptions out."""

from shared.adapters.wire.pubsub_resources import plans, plans_around, subscription_name
from shared.messages.catalog import CANDLES, CONTRACTS, SIGNALS, TRADES, subscription


def test_every_consumer_of_the_catalog_has_its_subscription_under_the_catalogs_name():
    found = {(plan.topic, plan.name) for plan in plans(CONTRACTS, 100)}
    wanted = {(contract.topic, subscription(contract, name)) for contract in CONTRACTS for name in contract.consumers}
    assert wanted <= found
    assert {topic for topic, _ in found - wanted} == {one.dead_letter for one in CONTRACTS if one.dead_letter}


def test_dead_letters_are_planned_before_what_names_them_and_have_none_themselves():
    dead, living = plans([SIGNALS], 7)
    assert (dead.topic, dead.dead_letter) == (SIGNALS.dead_letter, None)
    assert (living.dead_letter, living.max_attempts) == (SIGNALS.dead_letter, 7)
    assert dead.retention_seconds == living.retention_seconds == 604_800


def test_what_is_worthless_in_an_hour_is_kept_for_an_hour():
    assert {plan.retention_seconds for plan in plans([TRADES, CANDLES], 7)} == {3_600}


def test_names_are_unique_in_a_project():
    assert subscription_name("candles-1m", "candles-1m-backfiller") == "candles-1m-backfiller"
    assert subscription_name("candles-1m", "s") == "candles-1m-s"


def test_around_a_topic_is_everything_that_might_miss_its_messages():
    assert {plan.topic for plan in plans_around(SIGNALS.topic, 5)} == {SIGNALS.topic, SIGNALS.dead_letter}
    assert {plan.name for plan in plans_around(CANDLES.topic, 5)} == {
        subscription(CANDLES, name) for name in CANDLES.consumers
    }
    assert plans_around("unknown", 5) == []
