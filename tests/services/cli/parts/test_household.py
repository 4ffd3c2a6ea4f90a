"""Processes of the household can be killed and start again, stand still and go on, and be denied the disk."""

import asyncio
import sys
from pathlib import Path

import pytest

from services.cli.parts import household as module
from services.cli.parts.household import Household
from services.cli.parts.processes import Processes

NAME = "aggregator"
# Counts in a file, as a service that writes; says in another when it cannot.
COUNTING = """
import pathlib, time
number = 0
while True:
    number += 1
    try:
        with open("count", "w") as file:
            file.write(str(number).rjust(8))
    except OSError as error:
        pathlib.Path("refused").touch()
    time.sleep(0.005)
"""


@pytest.fixture
async def household(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_tracker", lambda *_: [sys.executable, "-c", COUNTING])
    async with Processes(tmp_path / "log") as processes:
        yield Household(processes, {"TRACKER__SANDBOX__PORT": "1"}), processes


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another process says nothing when it is so far
            await asyncio.sleep(0.01)


def count() -> int:
    path = Path("count")
    return int(path.read_text().strip() or 0) if path.exists() else 0


async def test_a_killed_service_starts_again_under_its_name(household):
    home, processes = household
    await home.launch(NAME)
    first = processes.pid(NAME)
    await home.kill(NAME)
    assert processes.pid(NAME) not in (None, first)


async def test_only_a_service_that_has_ended_is_revived(household, monkeypatch):
    home, processes = household
    await home.launch(NAME)
    assert not await home.revive(NAME)
    monkeypatch.setattr(module, "_tracker", lambda *_: [sys.executable, "-c", ""])
    await home.kill(NAME)
    await until(lambda: processes.pid(NAME) is None)
    assert await home.revive(NAME)


async def test_a_stopped_process_stands_still_until_it_goes_on(household):
    home, _ = household
    await home.launch(NAME)
    await until(lambda: count() > 0)
    home.stop(NAME)
    await until(lambda: b"\nState:\tT" in Path(f"/proc/{household[1].pid(NAME)}/status").read_bytes())
    stood = count()
    home.go_on(NAME)
    await until(lambda: count() > stood)


async def test_a_full_disk_refuses_writes_until_there_is_room(household):
    home, _ = household
    await home.launch(NAME)
    await until(lambda: count() > 0)
    home.limit_files(NAME, 1)
    await until(Path("refused").exists)
    home.limit_files(NAME, None)
    written = count()
    await until(lambda: count() > written)


def test_every_service_has_a_health_page_of_its_own():
    home = Household(Processes(Path("log")), {"TRACKER__SANDBOX__PORT": "7"})
    assert home.page_url == "http://127.0.0.1:7/"
    assert home.health_url("ingestor") != home.health_url("aggregator")
