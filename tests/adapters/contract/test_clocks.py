"""What every clock keeps to, over the folder listing."""

import asyncio
import inspect
from typing import Any

import pytest

from shared.adapters import loader
from shared.ports import Clock
from tests.makers import START

# Options that are needed to make one; a clock without an entry must do with none.
OPTIONS: dict[str, dict[str, Any]] = {
    "scaled": {"market_start": START, "wall_start": 0, "speed": 1_000},
    "manual": {"start": START},
}


@pytest.fixture(params=loader.names("clock"))
def clock(request) -> Clock:
    module = loader.load("clock", request.param)
    return module.create(module.Options(**OPTIONS.get(request.param, {})))


def test_it_has_the_methods_of_the_port(clock):
    for name, method in inspect.getmembers(Clock, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(clock, name)) == inspect.signature(method).replace(
                parameters=list(inspect.signature(method).parameters.values())[1:]
            )


def test_now_is_whole_milliseconds_of_our_times(clock):
    assert isinstance(clock.now(), int)
    assert clock.now() > 1_600_000_000_000


def test_seconds_never_go_back(clock):
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)
    assert isinstance(readings[0], float)


@pytest.mark.parametrize("millis", [0, -1, -60_000])
async def test_a_nap_that_is_over_returns_at_once_but_lets_others_run(clock, millis):
    ran: list[str] = []
    other = asyncio.create_task(_append(ran, "other"))
    await clock.sleep(millis)
    ran.append("sleeper")
    await other
    assert ran == ["other", "sleeper"]


async def _append(ran: list[str], name: str) -> None:
    ran.append(name)


async def test_a_nap_can_be_cancelled(clock):
    task = asyncio.create_task(clock.sleep(10_000_000_000))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_unknown_options_are_refused():
    for name in loader.names("clock"):
        with pytest.raises(ValueError, match="colour"):
            loader.load("clock", name).Options(**OPTIONS.get(name, {}), colour="red")
