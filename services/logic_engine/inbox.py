"""The messages of a topic in, their values out; what cannot be handled goes to the dead letters."""

from collections.abc import Sequence
from functools import partial
from typing import Generic, TypeVar

from shared.errors import InvalidMessage
from shared.messages.catalog import Contract, subscription
from shared.messages.codec import decode
from shared.ports import Bus, Delivery, Subscription
from shared.runtime.persistence import Persistence
from shared.runtime.rejections import Rejections

T = TypeVar("T")


class Inbox(Generic[T]):
    """One subscription, insisted on however long the bus is away.

    Args:
        bus: Where the messages are.
        contract: Of the topic.
        kind: What its messages hold: the contract's payload.
        service: Whose subscription it is.
        persistence: How outages are waited for.
    """

    def __init__(self, bus: Bus, contract: Contract, kind: type[T], service: str, persistence: Persistence) -> None:
        self._bus = bus
        self._topic = contract.topic
        self._subscription = subscription(contract, service)
        self._kind = kind
        self._insist = persistence.insist
        self._rejections = Rejections(contract.topic)
        self._source: Subscription | None = None

    async def pull(self) -> tuple[Sequence[Delivery], list[T]]:
        """What is to be acknowledged, and the values in it; waits for the first.

        Raises:
            InvariantViolation: Most messages cannot be handled (see `Rejections`).
        """
        source = self._source
        if source is None:
            source = self._source = await self._insist(lambda: self._bus.subscribe(self._topic, self._subscription))
        deliveries = await self._insist(source.pull)
        read = [await self._value_in(source, delivery) for delivery in deliveries]
        return deliveries, [value for value in read if value is not None]

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """The effects of these are durable."""
        if self._source is not None:
            await self._insist(partial(self._source.ack, deliveries))

    async def release(self) -> None:
        """Hand back what is not acknowledged."""
        if self._source is not None:
            await self._source.release()

    async def _value_in(self, source: Subscription, delivery: Delivery) -> T | None:
        try:
            value = decode(delivery.message)
            reason = "" if isinstance(value, self._kind) else f"{type(value).__name__} is no {self._kind.__name__}"
        except InvalidMessage as error:
            value, reason = None, str(error)
        if isinstance(value, self._kind):
            self._rejections.accepted()
            return value
        await self._insist(partial(self._rejections.reject, source, delivery, reason))
        return None
