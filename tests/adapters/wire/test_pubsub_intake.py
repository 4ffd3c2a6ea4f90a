"""What is waited for in, the pulls that are opened for it out."""

import asyncio

import pytest

from shared.adapters.wire.pubsub_api import Missing, Received
from shared.adapters.wire.pubsub_intake import Intake, Limits
from shared.errors import Unavailable
from shared.ports import Message


class Broker:
    """Notes what pulls ask for; each gets the next answer, or waits for one."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answers: asyncio.Queue[int | Exception] = asyncio.Queue()
        self.given_back: list[str] = []
        self._count = 0

    async def pull(self, _, limit, __) -> list[Received]:
        self.asked.append(limit)
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        self._count += answer
        return [Received(Message(b"x"), str(self._count - number), 1) for number in range(answer)]

    async def lease(self, _, ack_ids, seconds) -> None:
        if seconds == 0:
            self.given_back += ack_ids


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
async def open_intake(broker):
    opened = []

    def open_one(repair=None, **limits):
        values = {"pulls": 2, "pull_seconds": 0.05, "outstanding": 5_000, "lease_seconds": 10, "extend_seconds": 4}
        opened.append(Intake(broker, "s", Limits(**values | limits), repair))
        return opened[-1]

    yield open_one
    for intake in opened:
        for _ in intake._pulls:
            broker.answers.put_nowait(0)
        await intake.close()


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("limit", "pulls", "asked"),
    [(1, 2, [1]), (100, 2, [100]), (150, 2, [100, 50]), (1_000, 2, [500, 500]), (3_000, 2, [1_000, 1_000])],
)
async def test_pulls_ask_for_what_is_waited_for(open_intake, broker, limit, pulls, asked):
    waiting = asyncio.create_task(open_intake(pulls=pulls).wait(limit))
    await settle()
    assert broker.asked == asked
    waiting.cancel()


async def test_nothing_is_pulled_for_nobody_and_an_open_pull_is_used_again(open_intake, broker):
    intake = open_intake()
    for _ in range(3):
        waiting = asyncio.create_task(intake.wait(10))
        await settle()
        waiting.cancel()
        await asyncio.wait([waiting])
    assert broker.asked == [10]
    broker.answers.put_nowait(3)
    await settle()
    assert len(intake.take(2, "me")) == 2
    assert len(intake.take(2, "me")) == 1
    assert broker.asked == [10]


async def test_no_more_is_held_than_may_be(open_intake, broker, caplog):
    intake = open_intake(outstanding=5)
    broker.answers.put_nowait(5)
    await intake.wait(10)
    held = intake.take(10, "me")
    waiting = asyncio.create_task(intake.wait(10))
    await settle()
    assert broker.asked == [5]
    assert not intake.has_room
    assert caplog.messages == ["too many messages are held; pulling waits"]
    await intake.hand_back([held[0].ack_id])
    intake.ring()
    await waiting
    waiting = asyncio.create_task(intake.wait(10))
    await settle()
    assert broker.asked == [5, 1]
    waiting.cancel()


async def test_what_cannot_be_mended_is_told_to_everyone_who_waits(open_intake, broker):
    intake = open_intake()
    waiting = [asyncio.create_task(intake.wait(10)) for _ in range(2)]
    await settle()
    broker.answers.put_nowait(Missing("no such subscription"))
    for refused in waiting:
        with pytest.raises(Missing, match="no such subscription"):
            await refused


async def test_an_absent_broker_is_asked_again_and_complained_about_once(open_intake, broker, caplog):
    for answer in (Unavailable("away"), Unavailable("away"), 1):
        broker.answers.put_nowait(answer)
    intake = open_intake()
    await intake.wait(10)
    assert len(intake.take(10, "me")) == 1
    assert caplog.messages == ["subscription is silent"]


async def test_what_a_restarted_broker_has_forgotten_is_created_and_no_longer_held(open_intake, broker):
    repaired = []

    async def repair() -> None:
        repaired.append(True)

    intake = open_intake(repair)
    broker.answers.put_nowait(1)
    await intake.wait(10)
    broker.answers.put_nowait(Missing("gone"))
    broker.answers.put_nowait(2)
    (old,) = intake.take(10, "me")
    await intake.wait(10)
    assert repaired == [True]
    assert intake.leases.held([old], "me") == []
    assert len(intake.take(10, "me")) == 2


async def test_a_pull_that_hangs_is_given_up(open_intake, broker, monkeypatch, caplog):
    monkeypatch.setattr("shared.adapters.wire.pubsub_intake._HANGING", 0.0)
    intake = open_intake()
    waiting = asyncio.create_task(intake.wait(10))
    while len(broker.asked) < 2:
        await asyncio.wait([waiting], timeout=0.01)
    broker.answers.put_nowait(1)
    await waiting
    assert caplog.messages == ["subscription is silent"]


async def test_what_an_open_pull_brings_while_closing_is_handed_back(open_intake, broker):
    intake = open_intake(pull_seconds=5)
    waiting = asyncio.create_task(intake.wait(10))
    await settle()
    closing = asyncio.create_task(intake.close())
    await settle()
    assert not closing.done()
    broker.answers.put_nowait(2)
    await asyncio.gather(closing, waiting)
    assert sorted(broker.given_back) == ["1", "2"]
    assert intake.take(10, "me") == []
