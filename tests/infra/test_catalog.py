"""``infra/catalog.json`` against the platform's own catalog: the cloud has what the code names, and nothing else."""

import json
from collections import Counter

import pytest

from shared.messages.catalog import CONTRACTS, subscription
from tests.infra.declared import CLOUD_SERVICES, catalog

_HOUR, _WEEK = 3_600, 604_800


def expected_messages():
    """The part of the file that follows from the messages. What loses its worth within seconds is kept for an hour."""
    return {
        "topics": [{"name": each.topic, "steady": each.dead_letter is None} for each in CONTRACTS],
        "dead_letters": [each.dead_letter for each in CONTRACTS if each.dead_letter],
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
                "retention_seconds": _WEEK if each.dead_letter else _HOUR,
            }
            for each in CONTRACTS
            for service in each.consumers
        ],
    }


def test_topics_subscriptions_and_rights_are_those_of_the_message_catalog():
    expected = expected_messages()
    declared = {key: catalog()[key] for key in expected}
    assert declared == expected, f"infra/catalog.json must hold:\n{json.dumps(expected, indent=2)}"


def test_a_lease_is_back_ten_seconds_after_its_holder_died():
    assert catalog()["ack_deadline_seconds"] == 10


def test_a_message_gets_as_many_attempts_as_pubsub_allows_for():
    assert 5 <= catalog()["max_delivery_attempts"] <= 100


def test_every_service_of_the_catalog_is_deployed():
    named = {each["service"] for key in ("publishers", "subscriptions", "table_grants") for each in catalog()[key]}
    assert named == set(CLOUD_SERVICES)


@pytest.mark.parametrize("key", ["topics", "subscriptions", "tables"])
def test_names_are_unique(key):
    names = Counter(each["name"] for each in catalog()[key])
    assert [name for name, count in names.items() if count > 1] == []
