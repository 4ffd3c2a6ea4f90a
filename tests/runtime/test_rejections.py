"""A bad message goes to the dead letters; too many of them end the service."""

import pytest

from shared.errors import InvariantViolation, Unavailable
from shared.ports import Delivery, Message
from shared.runtime.rejections import MOST, WINDOW, Rejections


class Letters:
    """A subscription that keeps what is rejected; `error` is raised once set."""

    def __init__(self):
        self.reasons = []
        self.error = None

    async def reject(self, delivery, reason):
        if self.error:
            raise self.error
        self.reasons.append(f"{delivery.message.attributes['id']}: {reason}")


DELIVERY = Delivery(Message(b"{", {"id": "1"}), "a")


async def test_a_bad_message_is_moved_with_its_reason():
    letters = Letters()
    await Rejections("topic").reject(letters, DELIVERY, "no JSON")
    assert letters.reasons == ["1: no JSON"]


async def test_a_share_of_bad_messages_up_to_the_limit_is_borne():
    letters, rejections = Letters(), Rejections("topic")
    for _ in range(5 * WINDOW):
        await rejections.reject(letters, DELIVERY, "no JSON")
        rejections.accepted()
    assert len(letters.reasons) == 5 * WINDOW


async def test_more_ends_the_service_and_names_topic_and_reason():
    letters, rejections = Letters(), Rejections("topic")
    for _ in range(MOST):
        await rejections.reject(letters, DELIVERY, "no JSON")
    with pytest.raises(InvariantViolation, match=r"topic could not be handled \(the last: unknown version 2\)"):
        await rejections.reject(letters, DELIVERY, "unknown version 2")


async def test_a_bus_that_is_away_counts_nothing():
    letters, rejections = Letters(), Rejections("topic")
    letters.error = Unavailable("away")
    for _ in range(2 * MOST):
        with pytest.raises(Unavailable):
            await rejections.reject(letters, DELIVERY, "no JSON")
    letters.error = None
    await rejections.reject(letters, DELIVERY, "no JSON")
    assert letters.reasons == ["1: no JSON"]
