"""Messages in, the same messages out, through Google Pub/Sub: the services may run on different machines.

A consumer's process that dies gives its messages back when its lease ends; one that closes or releases gives them back
at once. Against an emulator, which forgets everything when it ends, topics and subscriptions are created as they are
needed; in the real service they must be there (`bootstrap`, or Terraform).
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.adapters.wire import pubsub_resources
from shared.adapters.wire.message_rules import check_sizes, dead_letter, rejected
from shared.adapters.wire.pubsub_api import Missing, PubSubApi, find_credentials
from shared.adapters.wire.pubsub_batches import Batches
from shared.adapters.wire.pubsub_intake import Intake, Limits
from shared.errors import ConfigurationError, Unavailable
from shared.messages.catalog import CONTRACTS, Contract
from shared.ports import Clock, Delivery, Message


class Options(BaseModel):
    """Settings of the bus.

    Attributes:
        project: Google Cloud project; empty for the variable GOOGLE_CLOUD_PROJECT (on an emulator: ``local``).
        emulator_host: ``host:port`` of an emulator; empty for the variable PUBSUB_EMULATOR_HOST, and where that is not
            set either, the real service.
        create_missing: Whether to create topics and subscriptions that are not there; None for on an emulator only.
        batch_millis: A published message waits so long for others to share its request.
        batch_bytes: Size of a request at which it waits no longer.
        request_seconds: A request without an answer after so long has failed.
        pulls_in_flight: Pulls of one subscription that are open at once, at most.
        pull_seconds: A pull that finds nothing ends after so long; so long may `Bus.close` take.
        lease_seconds: A process that has not been heard of for so long loses what it holds.
        extend_seconds: How often leases are renewed.
        max_outstanding: Messages that this process holds of one subscription, at most; while it holds so many, it
            also publishes no more to them.
        max_delivery_attempts: After so many, counting hand-overs, Pub/Sub itself moves a message to the dead letters:
            a net for one that kills its consumers. What a consumer refuses goes there by `reject`, at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    project: str = ""
    emulator_host: str = ""
    create_missing: bool | None = None
    batch_millis: float = Field(default=2, ge=0, le=1_000)
    batch_bytes: int = Field(default=9_000_000, ge=1, le=9_000_000)
    request_seconds: float = Field(default=5, gt=0)
    pulls_in_flight: int = Field(default=2, ge=1, le=16)
    pull_seconds: float = Field(default=2, gt=0, le=60)
    lease_seconds: int = Field(default=10, ge=1, le=600)
    extend_seconds: float = Field(default=4, gt=0)
    max_outstanding: int = Field(default=20_000, ge=1)
    max_delivery_attempts: int = Field(default=100, ge=5, le=100)

    @model_validator(mode="after")
    def _renews_in_time(self) -> Self:
        if self.extend_seconds * 2 > self.lease_seconds:
            raise ValueError(
                f"extend_seconds {self.extend_seconds:g} is more than half of lease_seconds {self.lease_seconds}: "
                "one late renewal would lose everything held; make it smaller"
            )
        return self


class PubSubSubscription:
    """One consumer's view of a subscription; views of one process share its pulls."""

    def __init__(self, bus: "PubSubBus", topic: str, intake: Intake) -> None:
        self._bus = bus
        self._topic = topic
        self._intake = intake
        self._released = False

    async def pull(self, limit: int = 100) -> list[Delivery]:
        """Wait until at least one message is there, then return up to `limit` of them. An outage is waited for.

        Raises:
            Unavailable: The subscription has been released.
            ConfigurationError: It is not there, or this account may not read it; the text names the cure.
        """
        while not self._released:
            if deliveries := self._intake.take(limit, self):
                return deliveries
            await self._intake.wait(limit)
        raise Unavailable(f"subscription of {self._topic!r} has been released; subscribe again to go on")

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Return when the broker has forgotten these."""
        await self._intake.leases.acknowledge(self._intake.leases.held(deliveries, self))
        self._bus.make_room(self._intake)

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Have these delivered again at once."""
        await self._intake.leases.give_back(self._intake.leases.held(deliveries, self))
        self._bus.make_room(self._intake)

    async def reject(self, delivery: Delivery, reason: str) -> None:
        """Move this one to the dead letters: published there first, then acknowledged here."""
        if not self._intake.leases.held([delivery], self):
            return
        target = dead_letter(self._topic)
        if target is not None:
            await self._bus.send(target, [rejected(delivery.message, self._topic, reason)])
        await self.ack([delivery])

    async def release(self) -> None:
        """Hand everything held back at once and end this view; waiting pulls raise."""
        if self._released:
            return
        self._released = True
        self._intake.ring()
        await self._bus.forget(self, self._intake)


class PubSubBus:
    """Topics and subscriptions of one project."""

    def __init__(self, options: Options, api: PubSubApi, *, creates: bool) -> None:
        self._options = options
        self._api = api
        self._creates = creates
        self._outgoing = Batches(self._request, options.batch_millis, options.batch_bytes)
        self._intakes: dict[tuple[str, str], Intake] = {}
        self._open: list[PubSubSubscription] = []
        self._room = asyncio.Event()
        self._closed = False

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when the broker has all of them. The broker keeps what consumers elsewhere are behind with; only
        while a consumer of this very process holds too much, it waits."""
        check_sizes(topic, messages)
        while not self._closed and self._is_full(topic):
            self._room.clear()
            await self._room.wait()
        await self.send(topic, messages)

    async def send(self, topic: str, messages: Sequence[Message]) -> None:
        """Publish, however much is held here."""
        self._check_open()
        await self._outgoing.publish(topic, messages)

    async def subscribe(self, topic: str, subscription: str) -> PubSubSubscription:
        """Open the named subscription; whether it is there turns out with the first pull, unless it may be created."""
        self._check_open()
        repair = partial(self._create, topic, subscription) if self._creates else None
        if repair is not None:
            await repair()
            self._check_open()
        intake = self._intakes.get((topic, subscription))
        if intake is None:
            name = pubsub_resources.subscription_name(topic, subscription)
            intake = self._intakes[topic, subscription] = Intake(self._api, name, self._limits, repair)
        intake.views += 1
        view = PubSubSubscription(self, topic, intake)
        self._open.append(view)
        return view

    async def close(self) -> None:
        """Send what is waiting, release every subscription and let go of the connection."""
        self._closed = True
        self._room.set()
        try:
            await asyncio.gather(self._outgoing.flush(), *(view.release() for view in tuple(self._open)))
        finally:
            await self._api.close()

    async def forget(self, view: PubSubSubscription, intake: Intake) -> None:
        """Hand back what a view that has been released held; the last view of a subscription ends its pulls."""
        self._open.remove(view)
        intake.views -= 1
        if intake.views:
            await intake.hand_back(intake.leases.all_of(view))
        else:
            self._intakes = {key: other for key, other in self._intakes.items() if other is not intake}
            await intake.close()
        self.make_room(intake)

    def make_room(self, intake: Intake) -> None:
        """Let waiting publishers and pulls look again, now that less is held."""
        self._room.set()
        intake.ring()

    @property
    def _limits(self) -> Limits:
        options = self._options
        return Limits(
            pulls=options.pulls_in_flight,
            pull_seconds=options.pull_seconds,
            outstanding=options.max_outstanding,
            lease_seconds=options.lease_seconds,
            extend_seconds=options.extend_seconds,
        )

    async def _request(self, topic: str, messages: Sequence[Message]) -> None:
        try:
            await self._api.publish(topic, messages)
        except Missing:
            if not self._creates:
                raise
            await self._create_around(topic)
            await self._api.publish(topic, messages)

    async def _create_around(self, topic: str) -> None:
        """The topic, and every subscription that anybody is known to have on it: with a topic that is created before
        its subscriptions, what is published between the two would be lost."""
        await self._api.create_topic(topic)
        await pubsub_resources.create_all(
            self._api, pubsub_resources.plans_around(topic, self._options.max_delivery_attempts)
        )
        for other_topic, subscription in tuple(self._intakes):
            if other_topic == topic:
                await self._create(topic, subscription)

    async def _create(self, topic: str, subscription: str) -> None:
        plan = pubsub_resources.plan(topic, subscription, self._options.max_delivery_attempts)
        await pubsub_resources.create_all(self._api, [plan])

    def _is_full(self, topic: str) -> bool:
        return any(not intake.has_room for (name, _), intake in self._intakes.items() if name == topic)

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the Pub/Sub bus is closed")


def create(options: Options, clock: Clock) -> PubSubBus:
    """The bus of a project. Connects when it is first used.

    Raises:
        ConfigurationError: The project is not named, or there are no credentials for it.
    """
    del clock  # the leases run by the broker's clock
    host = _emulator_host(options)
    creates = bool(host) if options.create_missing is None else options.create_missing
    return PubSubBus(options, _api(options), creates=creates)


async def bootstrap(options: Options, contracts: Iterable[Contract] = CONTRACTS) -> list[str]:
    """Create every topic and subscription of the contracts that is not there, dead letters included; returns the names
    of all subscriptions. Running it again changes nothing.

    Raises:
        ConfigurationError: The project is not named, or this account may not create them.
        Unavailable: Pub/Sub is away.
    """
    api = _api(options)
    wanted = pubsub_resources.plans(contracts, options.max_delivery_attempts)
    try:
        await pubsub_resources.create_all(api, wanted)
    finally:
        await api.close()
    return [plan.name for plan in wanted]


def _api(options: Options) -> PubSubApi:
    host = _emulator_host(options)
    project = options.project or os.environ.get("GOOGLE_CLOUD_PROJECT", "") or ("local" if host else "")
    if not project:
        raise ConfigurationError(
            "no Google Cloud project is named for the Pub/Sub bus: set GOOGLE_CLOUD_PROJECT, or PUBSUB_EMULATOR_HOST "
            "to use an emulator"
        )
    return PubSubApi(project, host, None if host else find_credentials(), options.request_seconds)


def _emulator_host(options: Options) -> str:
    return options.emulator_host or os.environ.get("PUBSUB_EMULATOR_HOST", "")
