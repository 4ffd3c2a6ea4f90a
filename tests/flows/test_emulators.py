"""Every service as a process of its own on Google's emulators and Redis: they count what one process counts, and none
of them is left afterwards."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from services.wiring import ALL
from tests.adapters.contract.bigtable_emulator import absent
from tests.flows.processes import tracker

PLAN = ("--minutes", 3, "--speed", 120, "--json")
MARK = "TEST_RUN"
EMULATORS = ("emulators pubsub start", "emulators bigtable start")  # a Redis may have been there before


class Process(NamedTuple):
    """What /proc tells of one."""

    pid: int
    born: str
    parent: int
    command: str
    environment: list[bytes]


def living() -> Iterator[Process]:
    """Every process of this machine that we may look at."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile, or is not ours
            state, parent, *numbers = (folder / "stat").read_text().rpartition(") ")[2].split()
            command = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
            environment = (folder / "environ").read_bytes().split(b"\0")
            if state != "Z":
                yield Process(int(folder.name), numbers[17], int(parent), command, environment)


class Descent:
    """Everything that one run starts, in whichever group: what a process starts inherits the run's mark. Children of
    those that carry it belong to it too, because Redis writes its title over its environment."""

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        self.seen: dict[tuple[int, str], str] = {}

    def look(self) -> dict[tuple[int, str], str]:
        """Command lines of those that live now, by process id and birth; those of all looks are in `seen`."""
        everyone = list(living())
        carriers = {one.pid for one in everyone if f"{MARK}={self.mark}".encode() in one.environment}
        found = {
            (one.pid, one.born): one.command
            for one in everyone
            if {one.pid, one.parent} & carriers or (one.pid, one.born) in self.seen
        }
        self.seen |= found
        return found


@pytest.fixture
def descent(monkeypatch):
    """A run on emulators of its own; whatever it leaves is killed."""
    if not Path("/proc/self/environ").exists():
        absent("/proc", "what tracker emulators might leave is looked for there; run this on Linux")
    if shutil.which("gcloud") is None:
        absent("the Pub/Sub and the Bigtable emulator", "install gcloud with its components beta and both emulators")
    if shutil.which("redis-server") is None:
        absent("redis-server", "install Debian's package redis-server")
    for variable in ("PUBSUB_EMULATOR_HOST", "BIGTABLE_EMULATOR_HOST"):
        monkeypatch.delenv(variable, raising=False)
    descent = Descent()
    yield descent
    for pid, _ in descent.look():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(300)  # market time begins 25 s after the start, whatever the machine
async def test_processes_on_the_emulators_count_what_one_process_counts_and_none_is_left(tmp_path, descent):
    command = asyncio.to_thread(tracker, tmp_path, "emulators", "--sandbox", *PLAN, seconds=150, **{MARK: descent.mark})
    running = asyncio.create_task(command)
    while not (await asyncio.wait([running], timeout=0.5))[0]:
        await asyncio.to_thread(descent.look)
    done, left = running.result(), descent.look()
    assert done.returncode == 0, done.stderr
    assert left == {}
    for part in (*(f"services.cli.main run {name} " for name in ALL), *EMULATORS):
        assert any(part in command for command in descent.seen.values()), f"{part} was no process of its own"
    assert "Traceback" not in done.stderr

    assert done.stdout.count("\n") == 1
    counts = json.loads(done.stdout)
    assert (counts["candles"], counts["incomplete"]) == (27, 0)
    alone = tracker(tmp_path, "demo", *PLAN)
    assert alone.returncode == 0, alone.stderr
    assert counts["digest"] == json.loads(alone.stdout)["digest"]
