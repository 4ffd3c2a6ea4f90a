"""``infra/catalog.json`` against the code: the cloud has the names that the adapters use, and nothing else."""

import json
from collections import Counter

import pytest

from shared.adapters.bus import pubsub
from shared.adapters.wire.bigtable_schema import TABLES
from shared.adapters.wire.pubsub_resources import plans
from shared.messages.catalog import CONTRACTS, subscription
from tests.infra.declared import CLOUD_SERVICES, catalog

BUS = pubsub.Options()
PLANS = {plan.name: plan for plan in plans(CONTRACTS, BUS.max_delivery_attempts)}


def expected():
    """What the file must hold, but for the rights to tables."""
    return {
        "ack_deadline_seconds": BUS.lease_seconds,
        "max_delivery_attempts": BUS.max_delivery_attempts,
        "topics": [{"name": each.topic, "steady": each.dead_letter is None} for each in CONTRACTS],
        "dead_letters": [
            {
                "topic": plan.topic,
                "subscription": plan.name,
                "retention_seconds": plan.retention_seconds,
            }
            for plan in PLANS.values()
            if plan.topic in {each.dead_letter for each in CONTRACTS}
        ],
        # Who consumes also publishes on the dead letters: a message that can never be handled is put there at once.
        "publishers": [
            {"service": service, "topic": topic}
            for each in CONTRACTS
            for topic, services in ((each.topic, each.producers), (each.dead_letter, each.consumers))
            for service in services
            if topic
        ],
        "subscriptions": [
            {
                "name": subscription(each, service),
                "topic": each.topic,
                "service": service,
                "dead_letter": each.dead_letter,
                "retention_seconds": PLANS[subscription(each, service)].retention_seconds,
            }
            for each in CONTRACTS
            for service in each.consumers
        ],
        "tables": [{"name": name, "families": list(families)} for name, families in TABLES.items()],
    }


def test_the_cloud_is_what_the_code_names():
    declared = {key: value for key, value in catalog().items() if key != "table_grants"}
    assert declared == expected(), f"infra/catalog.json must hold:\n{json.dumps(expected(), indent=2)}"


def test_every_subscription_that_the_adapter_would_make_is_declared():
    declared = {each["name"] for each in catalog()["subscriptions"]}
    declared |= {each["subscription"] for each in catalog()["dead_letters"]}
    assert declared == set(PLANS)


def test_a_lease_is_back_ten_seconds_after_its_holder_died():
    assert catalog()["ack_deadline_seconds"] == 10


def test_every_service_of_the_catalog_is_deployed():
    named = {each["service"] for key in ("publishers", "subscriptions", "table_grants") for each in catalog()[key]}
    assert named == set(CLOUD_SERVICES)


@pytest.mark.parametrize("key", ["topics", "subscriptions", "tables"])
def test_names_are_unique(key):
    names = Counter(each["name"] for each in catalog()[key])
    assert [name for name, count in names.items() if count > 1] == []
