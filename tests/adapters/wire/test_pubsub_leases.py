"""Pulled messages in, what the broker is told about them out."""

import asyncio

import pytest

from shared.adapters.wire.pubsub_api import Missing, Received
from shared.adapters.wire.pubsub_leases import Leases
from shared.errors import Unavailable
from shared.ports import Message


class Broker:
    """Notes every request; a renewal that is held up ends when it is let go."""

    def __init__(self) -> None:
        self.told: list[tuple[int | None, list[str]]] = []
        self.error: Exception | None = None
        self.asked = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def lease(self, _, ack_ids, seconds) -> None:
        self.asked.set()
        if seconds:
            await self.goes_on.wait()
        if self.error is not None:
            raise self.error
        self.told.append((seconds, list(ack_ids)))

    async def acknowledge(self, _, ack_ids) -> None:
        await self.lease(_, ack_ids, None)


@pytest.fixture
def broker():
    return Broker()


def received(*ack_ids: str) -> list[Received]:
    return [Received(Message(ack_id.encode()), ack_id, 1) for ack_id in ack_ids]


async def test_an_id_of_the_broker_that_comes_again_is_another_delivery(broker):
    leases = Leases(broker, "s", 10)
    (old,) = leases.claim(await leases.add(received("1")), "me")
    leases.forget()
    (new,) = leases.claim(await leases.add(received("1")), "me")
    assert leases.held([old], "me") == []
    assert leases.held([new], "me") == [new.ack_id]


async def test_only_its_owner_holds_a_delivery(broker):
    leases = Leases(broker, "s", 10)
    one, two = await leases.add(received("1", "2"))
    leases.claim([one], "me")
    assert leases.held([one, two], "me") == leases.all_of("me") == [one.ack_id]
    assert leases.held([one, two], "you") == []
    assert len(leases.everything()) == len(leases) == 2


async def test_requests_have_at_most_a_thousand_ids(broker):
    leases = Leases(broker, "s", 10)
    await leases.add(received(*(str(number) for number in range(2_001))))
    await leases._renew()
    await leases.acknowledge(leases.everything())
    assert [(seconds, len(ids)) for seconds, ids in broker.told] == [
        (10, 1_000), (10, 1_000), (10, 1), (None, 1_000), (None, 1_000), (None, 1)
    ]  # fmt: skip
    assert len(leases) == 0


async def test_what_the_broker_could_not_be_told_stays_held(broker):
    leases = Leases(broker, "s", 10)
    (delivery,) = leases.claim(await leases.add(received("1")), "me")
    broker.error = Unavailable("away")
    for tell in (leases.acknowledge, leases.give_back):
        with pytest.raises(Unavailable):
            await tell([delivery.ack_id])
        assert leases.held([delivery], "me") == [delivery.ack_id]
    broker.error = None
    await leases.give_back([delivery.ack_id])
    await leases.give_back([delivery.ack_id])
    assert broker.told == [(0, ["1"])]


async def test_no_renewal_overtakes_what_is_given_back(broker):
    leases = Leases(broker, "s", 10)
    await leases.add(received("1", "2"))
    broker.goes_on.clear()
    renewing = asyncio.create_task(leases._renew())
    await broker.asked.wait()
    giving = asyncio.create_task(leases.give_back(leases.everything()[:1]))
    for _ in range(5):
        await asyncio.sleep(0)
    broker.goes_on.set()
    await asyncio.gather(renewing, giving)
    await leases._renew()
    assert broker.told == [(10, ["1", "2"]), (0, ["1"]), (10, ["2"])]


async def test_a_lost_subscription_or_an_absent_broker_ends_no_keeping(broker, caplog):
    leases = Leases(broker, "s", 10)
    await leases.add(received("1"))
    keeping = asyncio.create_task(leases.keep(0))
    for error in (Missing("gone"), Unavailable("away"), Unavailable("still away"), None):
        broker.error = error
        for _ in range(2):
            broker.asked.clear()
            await broker.asked.wait()
    keeping.cancel()
    await asyncio.wait([keeping])
    assert (10, ["1"]) in broker.told
    assert caplog.messages == ["leases cannot be renewed"]


async def test_a_lease_of_another_length_begins_on_arrival(broker):
    await Leases(broker, "s", 30).add(received("1"))
    assert broker.told == [(30, ["1"])]
