"""Messages that nobody can handle in, dead letters out; too many of them end the service, for then it is the build that
is wrong and not the message."""

import logging
from collections import deque

from shared.errors import InvariantViolation
from shared.ports import Delivery, Subscription
from shared.runtime import metrics

logger = logging.getLogger(__name__)

WINDOW = 200
"""The verdict is about so many of the newest messages."""

MOST = 100
"""So many of them may be rejected; a service that begins with this many bad ones in a row has nothing to work on."""


class Rejections:
    """The share of a topic's messages that cannot be handled.

    Args:
        topic: For logs, metrics and the verdict.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._newest: deque[bool] = deque(maxlen=WINDOW)

    def accepted(self) -> None:
        """A message could be handled."""
        self._newest.append(False)

    async def reject(self, subscription: Subscription, delivery: Delivery, reason: str) -> None:
        """Move a message to the dead letters.

        Raises:
            Unavailable: The bus is away; the call can be repeated.
            InvariantViolation: More than `MOST` of the newest `WINDOW` messages were rejected.
        """
        await subscription.reject(delivery, reason)
        message_id = delivery.message.attributes.get("id", "")
        logger.error("message rejected", extra={"topic": self._topic, "reason": reason, "id": message_id})
        metrics.MESSAGES_REJECTED.labels(self._topic).inc()
        self._newest.append(True)
        rejected = sum(self._newest)
        if rejected > MOST:
            raise InvariantViolation(
                f"{rejected} of the newest {len(self._newest)} messages on {self._topic} could not be handled "
                f"(the last: {reason}); stopped, so that no more go to the dead letters: does every service run the "
                "same version?"
            )
