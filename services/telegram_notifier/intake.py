"""Signals from the bus in, outbox entries out; a signal is acknowledged when every chat's entry is stored."""

import logging
from collections.abc import Sequence
from functools import partial

from services.telegram_notifier.mailbox import Mailbox
from shared.domain.signal import Signal
from shared.errors import InvalidMessage
from shared.messages import catalog, codec
from shared.ports import Bus, Clock, Delivery, Subscription
from shared.runtime import metrics
from shared.runtime.persistence import Persistence

logger = logging.getLogger(__name__)


class Intake:
    """Puts every signal into the outbox of every chat.

    Args:
        bus: Where signals come from.
        mailbox: Where they go.
        chats: Every chat that gets them.
        clock: Real time.
    """

    def __init__(self, bus: Bus, mailbox: Mailbox, chats: Sequence[str], clock: Clock) -> None:
        self._bus = bus
        self._mailbox = mailbox
        self._chats = chats
        self._persistence = Persistence(clock)
        self.signals = 0

    async def run(self) -> None:
        """Take in until cancelled; then hand back what is not acknowledged."""
        insist = self._persistence.insist
        name = catalog.subscription(catalog.SIGNALS, "telegram_notifier")
        subscription = await insist(lambda: self._bus.subscribe(catalog.SIGNALS.topic, name))
        try:
            while True:
                deliveries = await insist(subscription.pull)
                # Repeating what was done does no harm: an entry knows what it holds.
                await insist(partial(self._take_in, subscription, deliveries))
        finally:
            await subscription.release()

    async def _take_in(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        good = []
        for delivery in deliveries:
            signal = await self._signal_in(subscription, delivery)
            if signal is None:
                continue
            for chat in self._chats:
                await self._mailbox.put(chat, signal)
            good.append(delivery)
        await subscription.ack(good)
        self.signals += len(good)

    async def _signal_in(self, subscription: Subscription, delivery: Delivery) -> Signal | None:
        try:
            value = codec.decode(delivery.message)
            reason = "" if isinstance(value, Signal) else f"{type(value).__name__} is no signal"
        except InvalidMessage as error:
            value, reason = None, str(error)
        if isinstance(value, Signal):
            return value
        logger.warning("message rejected", extra={"topic": catalog.SIGNALS.topic, "error": reason})
        metrics.MESSAGES_REJECTED.labels(catalog.SIGNALS.topic).inc()
        await subscription.reject(delivery, reason)
        return None
