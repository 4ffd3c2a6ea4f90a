"""A local clock that is set or drifts while trades flow is noticed, said once with its cure, and forgotten again."""

import asyncio
import logging
from contextlib import suppress

import pytest

from services.ingestor.clock_watch import ClockWatch, VenueClock
from shared.adapters.clock.manual import ManualClock
from shared.domain.feed import FeedTrades
from shared.errors import Refused, Unavailable
from shared.runtime import metrics
from tests.makers import EXCHANGE, START, make_trade

DELAY = 20


class WrongClock:
    """A machine's clock that can be set; the machine's true time is a manual clock."""

    def __init__(self) -> None:
        self.true = ManualClock(START)
        self.ahead = 0.0

    def now(self):
        return self.true.now() + int(self.ahead)

    def monotonic(self):
        return self.true.monotonic()

    async def sleep(self, millis):
        await self.true.sleep(millis)


class Venue:
    """Tells the true time."""

    def __init__(self, clock: WrongClock) -> None:
        self.clock = clock
        self.questions = 0
        self.error: Exception | None = None

    async def venue_time(self):
        self.questions += 1
        if self.error:
            raise self.error
        return self.clock.true.now()


class Watched:
    """A watch at work, and a market that trades once a second."""

    def __init__(self, *, ask: bool = True) -> None:
        self.clock = WrongClock()
        self.venue = Venue(self.clock)
        self.watch = ClockWatch(EXCHANGE, self.clock, self.venue if ask else None, 500)

    async def __aenter__(self):
        self._task = asyncio.create_task(self.watch.watch_forever())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def trade(self, seconds: int, drift: float = 0.0, delay: int = DELAY) -> None:
        for _ in range(seconds):
            made = self.clock.true.now()
            self.watch.saw(FeedTrades((make_trade(made),), made, self.clock.now() + delay))
            self.clock.true.advance_to(made + 1_000)
            self.clock.ahead += drift
            await asyncio.sleep(0)
            await asyncio.sleep(0)


def said(caplog) -> list[str]:
    return [record.message for record in caplog.records if record.name == "services.ingestor.clock_watch"]


@pytest.mark.parametrize("ask", [True, False])
@pytest.mark.parametrize(("jump", "words"), [(5_000, "5.0 s ahead of"), (-5_000, "5.0 s behind")])
async def test_a_clock_that_was_set_is_an_alarm_with_its_cure_until_it_is_right_again(jump, words, ask, caplog):
    caplog.set_level(logging.INFO)
    async with Watched(ask=ask) as market:
        await market.trade(60)
        assert market.watch.trouble == ""
        market.clock.ahead = jump
        await market.trade(90)
        assert f"this machine's clock is {words} the venue's: synchronise it by NTP" in market.watch.trouble
        assert metrics.CLOCK_OFFSET.labels(EXCHANGE)._value.get() == pytest.approx(jump / 1000, abs=0.03)
        market.clock.ahead = 0
        await market.trade(90)
        assert market.watch.trouble == ""
    assert said(caplog) == ["local clock is wrong", "local clock is right"]


async def test_a_clock_that_drifts_by_100_ppm_is_noticed_when_half_a_second_is_reached(caplog):
    async with Watched() as market:
        await market.trade(4_900, drift=0.1)
        assert market.watch.trouble == ""
        assert market.watch.offset == pytest.approx(490, abs=5)
        await market.trade(200, drift=0.1)
        assert "0.5 s ahead of" in market.watch.trouble
    assert said(caplog) == ["local clock is wrong"]


async def test_frames_that_are_only_late_are_no_wrong_clock_to_who_can_ask(caplog):
    async with Watched() as market:
        await market.trade(60)
        asked = market.venue.questions
        await market.trade(120, delay=3_000)
        assert market.watch.trouble == ""
        assert asked < market.venue.questions <= asked + 9
    assert said(caplog) == []


@pytest.mark.parametrize("error", [Unavailable("away"), Refused("no", "region")])
async def test_a_venue_that_does_not_answer_leaves_the_frames_to_judge_by(error):
    async with Watched() as market:
        market.venue.error = error
        market.clock.ahead = -2_000
        await market.trade(60)
        assert "2.0 s behind" in market.watch.trouble


async def test_the_venue_is_asked_at_the_start_and_every_five_minutes_when_nobody_trades():
    async with Watched() as market:
        assert market.watch.offset == 0
        market.clock.ahead = 900
        for _ in range(80):
            market.clock.true.advance_to(market.clock.true.now() + 5_000)
            await asyncio.sleep(0)
        assert isinstance(market.venue, VenueClock)
        assert "0.9 s ahead of" in market.watch.trouble
