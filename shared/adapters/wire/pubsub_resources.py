"""Message contracts in; the topics and subscriptions that Google Pub/Sub must have for them out, and created."""

from collections.abc import Iterable

from shared.adapters.wire.message_rules import dead_letter
from shared.adapters.wire.pubsub_api import PubSubApi, SubscriptionPlan
from shared.messages.catalog import CONTRACTS, Contract, subscription

_HOUR = 3_600
_WEEK = 7 * 24 * _HOUR  # the longest that Pub/Sub keeps without extra cost

_PRECIOUS = {name for one in CONTRACTS if one.dead_letter for name in (one.topic, one.dead_letter)}


def subscription_name(topic: str, name: str) -> str:
    """`name` as the project knows it: there, names of all topics share one space, so each begins with its topic."""
    return name if name.startswith(f"{topic}-") else f"{topic}-{name}"


def plan(topic: str, name: str, max_attempts: int) -> SubscriptionPlan:
    """The named subscription of a topic. What has dead letters is kept a week; anything else is worthless in an hour,
    and so is its place on the disk."""
    retention = _WEEK if topic in _PRECIOUS else _HOUR
    return SubscriptionPlan(subscription_name(topic, name), topic, retention, dead_letter(topic), max_attempts)


def plans(contracts: Iterable[Contract], max_attempts: int) -> list[SubscriptionPlan]:
    """Every subscription of the contracts. Dead letters have one too, ``<topic>-operator``: without, Pub/Sub would
    drop them. Their topics come first, because the others name them."""
    dead, living = [], []
    for contract in contracts:
        if contract.dead_letter is not None:
            dead.append(plan(contract.dead_letter, "operator", max_attempts))
        living += [plan(contract.topic, subscription(contract, name), max_attempts) for name in contract.consumers]
    return [*dead, *living]


async def create_all(api: PubSubApi, wanted: Iterable[SubscriptionPlan]) -> None:
    """Create what is missing of these subscriptions, their topics and dead-letter topics."""
    for one in wanted:
        if one.dead_letter is not None:
            await api.create_topic(one.dead_letter)
        await api.create_topic(one.topic)
        await api.create_subscription(one)


def plans_around(topic: str, max_attempts: int) -> list[SubscriptionPlan]:
    """Every subscription of the catalog without which a message published on `topic` might be lost."""
    target = dead_letter(topic)
    return [one for one in plans(CONTRACTS, max_attempts) if one.topic in (topic, target)]
