"""Signals or notices from the bus in, outbox entries out; acknowledged when every chat's entry is stored."""

from collections.abc import Sequence
from functools import partial

from services.telegram_notifier.mailbox import Mailbox
from shared.domain.outbox_entry import Line, line_of
from shared.errors import InvalidMessage
from shared.messages import catalog, codec
from shared.messages.catalog import Contract
from shared.ports import Bus, Clock, Delivery, Subscription
from shared.runtime.persistence import Persistence
from shared.runtime.rejections import Rejections


class Intake:
    """Puts everything that comes on one topic into the outbox of every chat.

    Args:
        contract: What comes: `catalog.SIGNALS` or `catalog.NOTICES`.
        bus: Where it comes from.
        mailbox: Where it goes.
        chats: Every chat that gets it.
        clock: Real time.
    """

    def __init__(self, contract: Contract, *, bus: Bus, mailbox: Mailbox, chats: Sequence[str], clock: Clock) -> None:
        self._contract = contract
        self._bus = bus
        self._mailbox = mailbox
        self._chats = chats
        self._persistence = Persistence(clock)
        self._rejections = Rejections(contract.topic)
        self.taken = 0

    async def run(self) -> None:
        """Take in until cancelled; then hand back what is not acknowledged.

        Raises:
            InvariantViolation: Most messages cannot be handled.
        """
        insist = self._persistence.insist
        name = catalog.subscription(self._contract, "telegram_notifier")
        subscription = await insist(lambda: self._bus.subscribe(self._contract.topic, name))
        try:
            while True:
                deliveries = await insist(subscription.pull)
                good = [delivery for delivery in deliveries if await self._take_in(subscription, delivery)]
                await insist(partial(subscription.ack, good))
                self.taken += len(good)
        finally:
            await subscription.release()

    async def _take_in(self, subscription: Subscription, delivery: Delivery) -> bool:
        """Whether the message could be handled. Storing twice does no harm: an entry knows what it holds."""
        insist = self._persistence.insist
        try:
            line = self._line_in(delivery)
        except InvalidMessage as error:
            await insist(partial(self._rejections.reject, subscription, delivery, str(error)))
            return False
        for chat in self._chats:
            await insist(partial(self._mailbox.put, chat, line))
        self._rejections.accepted()
        return True

    def _line_in(self, delivery: Delivery) -> Line:
        value = codec.decode(delivery.message)
        if not isinstance(value, self._contract.payload):
            raise InvalidMessage(f"{type(value).__name__} is no {self._contract.name}")
        return line_of(value)
