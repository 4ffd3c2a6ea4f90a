"""The scaled clock: market time from the wall's, and naps as long as market time says."""

import pytest
from pydantic import ValidationError

from shared.adapters.clock import scaled
from shared.adapters.clock.scaled import Options, ScaledClock, create
from tests.makers import START

WALL = 1_800_000_000_000


@pytest.fixture
def wall(monkeypatch):
    """Sets the machine's clock, in ms after WALL."""

    def at(millis: float) -> None:
        monkeypatch.setattr(scaled.time, "time_ns", lambda: int((WALL + millis) * 1_000_000))

    return at


@pytest.mark.parametrize(
    ("speed", "wall_millis", "market_millis"),
    [(1, 250, 250), (60, 1_000, 60_000), (0.5, 1_000, 500), (3, 7, 21), (60, 0, 0), (60, -5_000, 0)],
)
def test_market_time_runs_so_many_times_as_fast(wall, speed, wall_millis, market_millis):
    clock = create(Options(market_start=START, wall_start=WALL, speed=speed))
    wall(wall_millis)
    assert clock.now() == START + market_millis


@pytest.mark.parametrize(("millis", "seconds"), [(60_000, 1.0), (30, 0.0005), (0, 0), (-5, 0)])
async def test_a_nap_lasts_as_long_as_market_time_says(monkeypatch, millis, seconds):
    naps: list[float] = []

    async def nap(duration: float) -> None:
        naps.append(duration)

    monkeypatch.setattr(scaled.asyncio, "sleep", nap)
    await ScaledClock(START, WALL, 60).sleep(millis)
    assert naps == [seconds]


@pytest.mark.parametrize("speed", [0, -1, 100_001])
def test_a_speed_that_makes_no_sense_is_refused(speed):
    with pytest.raises(ValidationError, match="speed"):
        Options(market_start=START, wall_start=WALL, speed=speed)


def test_a_clock_without_a_beginning_stands_until_it_begins_and_begins_once(wall):
    clock = create(Options(market_start=START, speed=60))
    wall(5_000)
    assert clock.now() == START
    clock.begin()
    wall(6_000)
    assert clock.now() == START + 60_000
    clock.begin()
    assert clock.now() == START + 60_000


@pytest.mark.parametrize(
    ("speed", "wall_millis", "market_millis"),
    [(240, 250, 60_000), (240, 1_250, 65_000), (240, 9_250, 105_000), (240, 90_000, 105_000), (1, 61_000, 61_000)],
)
def test_a_closing_market_runs_slowly_whatever_its_speed_and_then_stands(wall, speed, wall_millis, market_millis):
    clock = create(
        Options(market_start=START, wall_start=WALL, speed=speed, closing=START + 60_000, halt=START + 105_000)
    )
    wall(wall_millis)
    assert clock.now() == START + market_millis
