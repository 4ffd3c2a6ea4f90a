"""Several want one lease: at most one has it by a common clock, whatever the store does, and somebody soon does."""

import asyncio
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory
from shared.errors import InvariantViolation, Unavailable
from shared.ports import Document
from shared.runtime.lease import COLLECTION, Lease, LeaseLost
from tests.makers import START

MILLIS = 1_200
THIRD = MILLIS // 3
POLL = MILLIS // 40
NAME = "aggregator/trades"


class Weather(NamedTuple):
    """What one call of the store meets: ms until it takes effect, ms until its answer, and which of them is lost."""

    before: int = 0
    after: int = 0
    lost: str = ""


FAIR = Weather()


class Store:
    """One participant's way to a shared memory store, with weather of its own: each call takes the next."""

    def __init__(self, inner, clock) -> None:
        self._inner = inner
        self._clock = clock
        self.weather: list[Weather] = []
        self.always = FAIR
        self.calls = 0

    async def load_document(self, collection, key):
        return await self._call(self._inner.load_document, collection, key)

    async def save_document(self, document):
        return await self._call(self._inner.save_document, document)

    async def _call(self, method, *arguments):
        self.calls += 1
        now = self.weather.pop(0) if self.weather else self.always
        if now.before:
            await self._clock.sleep(now.before)
        if now.lost == "request":
            raise Unavailable("the store is away")
        result = await method(*arguments)
        if now.after:
            await self._clock.sleep(now.after)
        if now.lost == "answer":
            raise Unavailable("no answer came")
        return result


class Skewed:
    """A clock whose wall time is off by so many ms."""

    def __init__(self, clock, skew) -> None:
        self._clock = clock
        self._skew = skew
        self.monotonic = clock.monotonic
        self.sleep = clock.sleep

    def now(self):
        return self._clock.now() + self._skew


class Room:
    """Participants that want one lease, and the clock they share."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.inner = memory.create(memory.Options(), self.clock)
        self.stores = {}
        self.leases = {}
        self.working = {}
        self.losses = []

    def enter(self, holder, skew=0):
        """Let a participant begin; it has one life."""
        store = self.stores[holder] = Store(self.inner, self.clock)
        self.leases[holder] = Lease(store, NAME, holder, Skewed(self.clock, skew), millis=MILLIS)
        self.working[holder] = asyncio.create_task(self._take_turns(holder))

    async def _take_turns(self, holder):
        while True:
            await self.leases[holder].acquire()
            try:
                await self.leases[holder].keep()
            except LeaseLost:
                self.losses.append(holder)

    def holders(self):
        """Who holds it now."""
        return [holder for holder, lease in self.leases.items() if lease.held]

    async def kill(self, holder):
        """End a participant as SIGKILL does: what it holds, it holds on."""
        task = self.working.pop(holder, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def leave(self, holder):
        """End a participant as SIGTERM does."""
        if holder in self.working:
            await self.kill(holder)
            releasing = asyncio.create_task(self.leases[holder].release())
            self.working[f"{holder} leaving"] = releasing
            await self.settle()

    async def settle(self):
        """Let everything happen that can happen now."""
        for _ in range(15):
            await asyncio.sleep(0)

    async def passing(self, millis, most=1):
        """Let time pass, from one moment at which somebody acts to the next; at none may more than `most` hold it."""
        await self.settle()
        end = self.clock.now() + millis
        while self.clock.now() < end:
            self.clock.advance_to(min([end, *(due for due, _, waiter in self.clock._sleepers if not waiter.done())]))
            assert len(self.holders()) <= most, self.holders()
            await self.settle()
            assert len(self.holders()) <= most, self.holders()

    async def first_holder(self, within):
        """Who holds it first, and after how many ms."""
        await self.settle()
        for waited in range(0, within + 1, 10):
            if holders := self.holders():
                return holders, waited
            await self.passing(10)
        raise AssertionError(f"nobody holds it after {within} ms")


@asynccontextmanager
async def room(*holders):
    everybody = Room()
    for holder in holders:
        everybody.enter(holder)
        await everybody.settle()
    try:
        yield everybody
    finally:
        for holder in tuple(everybody.working):
            await everybody.kill(holder)


async def test_the_first_has_it_at_once_and_keeps_it_while_the_others_wait():
    async with room("a", "b", "c") as all_:
        assert all_.holders() == ["a"]
        await all_.passing(5 * MILLIS)
        assert (all_.holders(), all_.losses) == (["a"], [])
        assert (all_.leases["a"].other, all_.leases["b"].other) == ("", "a")
        assert all_.stores["a"].calls < 40, "two calls a renewal, three renewals a lease"


async def test_what_is_given_back_is_another_s_at_the_next_look():
    async with room("a", "b") as all_:
        await all_.leave("a")
        assert await all_.first_holder(within=POLL) == (["b"], POLL)


async def test_one_that_died_is_succeeded_when_its_lease_ends():
    async with room("a", "b") as all_:
        await all_.passing(THIRD + 10)
        await all_.kill("a")
        end = THIRD + MILLIS - (THIRD + 10)
        holders, waited = await all_.first_holder(within=end + POLL)
        assert holders == ["a"], "its own end, by the clock"
        await all_.passing(end)
        holders, waited = await all_.first_holder(within=POLL)
        assert (holders, waited <= POLL) == (["b"], True)


async def test_a_lease_that_ended_long_ago_is_taken_at_once():
    async with room("a") as all_:
        await all_.kill("a")
        await all_.passing(MILLIS)
        all_.enter("b")
        assert await all_.first_holder(within=0) == (["b"], 0)


async def test_an_outage_that_is_shorter_than_the_lease_costs_nothing():
    async with room("a", "b") as all_:
        for store in all_.stores.values():
            store.always = Weather(lost="request")
        await all_.passing(MILLIS - THIRD)
        assert all_.leases["a"].trouble == "the store is away"
        for store in all_.stores.values():
            store.always = FAIR
        await all_.passing(MILLIS)
        assert (all_.holders(), all_.losses, all_.leases["a"].trouble) == (["a"], [], "")


@pytest.mark.parametrize(
    "weather", [Weather(lost="request"), Weather(before=10 * MILLIS), Weather(after=10 * MILLIS)], ids=str
)
async def test_an_outage_that_outlasts_the_lease_loses_it_in_time_and_it_is_asked_for_again(weather):
    async with room("a") as all_:
        all_.stores["a"].always = weather
        await all_.passing(MILLIS + 10)
        assert (all_.holders(), all_.losses) == ([], ["a"])
        all_.stores["a"].always = FAIR
        await all_.first_holder(within=21 * MILLIS)


async def test_renewals_whose_answers_are_lost_have_renewed_it():
    async with room("a", "b") as all_:
        for _ in range(8):
            all_.stores["a"].weather = [FAIR, Weather(lost="answer")]
            await all_.passing(THIRD)
        assert (all_.holders(), all_.losses) == (["a"], [])


async def test_who_is_ahead_of_the_others_takes_over_once_and_nobody_waits_for_ever():
    async with room("a") as all_:
        all_.enter("ahead", skew=5 * MILLIS)
        await all_.passing(THIRD, most=2)
        assert (all_.leases["ahead"].held, all_.losses) == (True, ["a"])
        await all_.passing(20 * MILLIS)
        assert all_.losses == ["a"]
        await all_.kill("ahead")
        await all_.passing(MILLIS + THIRD + 2 * POLL)
        assert all_.holders() == ["a"], "though by its own clock that lease ends far in the future"


async def test_an_error_of_the_store_ends_the_participant():
    documents = memory.create(memory.Options(), ManualClock())
    clock = ManualClock(START)
    lease = Lease(documents, NAME, "a", clock, millis=MILLIS)
    await lease.acquire()
    keeping = asyncio.create_task(lease.keep())

    async def broken(_):
        raise InvariantViolation("corrupt")

    documents.save_document = broken
    await asyncio.sleep(0)
    clock.advance_to(START + THIRD)
    with pytest.raises(InvariantViolation, match="corrupt"):
        await asyncio.wait_for(keeping, 5)


async def test_giving_back_what_is_another_s_or_nobody_s_changes_nothing():
    async with room("a") as all_:
        stranger = Lease(all_.inner, NAME, "b", all_.clock, millis=MILLIS)
        await stranger.release()
        assert all_.holders() == ["a"]
        await Lease(all_.inner, "free", "b", all_.clock).release()
        assert await all_.inner.load_document(COLLECTION, "free") is None


async def test_a_late_renewal_of_its_own_does_not_keep_it_from_being_given_back():
    async with room("a") as all_:
        stored = await all_.inner.load_document(COLLECTION, NAME)
        all_.stores["a"].weather = [Weather(after=10), FAIR]
        releasing = asyncio.create_task(all_.leases["a"].release())
        await all_.settle()
        await all_.inner.save_document(Document(COLLECTION, NAME, stored.data, stored.version))
        all_.clock.advance_to(START + 10)
        await releasing
        all_.enter("b")
        await all_.settle()
        assert all_.leases["b"].held


async def test_a_release_that_the_store_does_not_hear_ends_by_itself():
    async with room("a", "b") as all_:
        all_.stores["a"].always = Weather(lost="request")
        await all_.leave("a")
        holders, waited = await all_.first_holder(within=MILLIS + POLL)
        assert (holders, waited >= MILLIS) == (["b"], True)


weathers = st.builds(
    Weather,
    before=st.sampled_from([0, 0, 10, THIRD, 2 * MILLIS]),
    after=st.sampled_from([0, 0, 10, THIRD, 2 * MILLIS]),
    lost=st.sampled_from(["", "", "request", "answer"]),
)
steps = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from([10, POLL, THIRD, MILLIS])),
    st.tuples(st.sampled_from(["enter", "kill", "leave"]), st.integers(0, 2)),
    st.tuples(st.just("weather"), st.tuples(st.integers(0, 2), st.lists(weathers, min_size=1, max_size=4))),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=12))
async def test_never_two_at_once_and_in_the_end_somebody(plan):
    everybody = Room()
    lives = [0, 0, 0]

    def name(place):
        return f"{place}.{lives[place]}"

    try:
        for what, value in plan:
            if what == "pass":
                await everybody.passing(value)
            elif what == "weather":
                place, weather = value
                if name(place) in everybody.stores:
                    everybody.stores[name(place)].weather += weather
            elif what == "enter" and name(value) not in everybody.working:
                lives[value] += 1
                everybody.enter(name(value))
            elif what in ("kill", "leave"):
                await getattr(everybody, what)(name(value))
        for store in everybody.stores.values():
            store.weather.clear()
        everybody.enter("last")
        await everybody.passing(6 * MILLIS)  # the longest call that was begun before ends in the meantime
        assert len(everybody.holders()) == 1
    finally:
        for holder in tuple(everybody.working):
            await everybody.kill(holder)


async def test_of_two_that_find_it_free_at_the_same_moment_the_store_chooses_one():
    async with room() as all_:
        for holder in ("a", "b"):
            all_.enter(holder)
            all_.stores[holder].weather = [Weather(after=10), FAIR]
        await all_.passing(10)
        assert len(all_.holders()) == 1
        await all_.passing(3 * MILLIS)
        assert all_.losses == []


async def test_it_counts_from_before_it_was_written_however_late_the_answer_comes():
    async with room() as all_:
        all_.enter("a")
        all_.stores["a"].weather = [FAIR, Weather(after=THIRD)]
        all_.stores["a"].always = Weather(lost="request")
        await all_.settle()
        all_.enter("b")
        await all_.passing(THIRD)
        assert all_.holders() == ["a"]
        await all_.passing(MILLIS - THIRD + POLL)
        assert all_.holders() == ["b"]


async def test_it_is_not_acquired_by_an_answer_that_comes_after_its_end():
    async with room() as all_:
        all_.enter("a")
        all_.stores["a"].weather = [FAIR, Weather(after=2 * MILLIS)]
        all_.stores["a"].always = Weather(lost="request")
        await all_.passing(5 * MILLIS)
        assert all_.losses == [], "what was never had cannot be lost"


async def test_a_holder_that_is_certainly_no_more_is_succeeded_at_once():
    documents = memory.create(memory.Options(), ManualClock())
    clock = ManualClock(START)
    dead = Lease(documents, NAME, "dead", clock, millis=MILLIS)
    await dead.acquire()
    heir = Lease(documents, NAME, "heir", clock, millis=MILLIS, is_gone=lambda holder: holder == "dead")
    await asyncio.wait_for(heir.acquire(), 5)
    assert clock.now() == START
    assert heir.held
