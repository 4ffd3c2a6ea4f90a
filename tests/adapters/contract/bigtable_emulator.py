"""Nothing in, the address of Google's Bigtable emulator out: one for the whole test session, ended with it."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import time
from functools import cache
from pathlib import Path

import pytest

_PATIENCE = 30.0  # seconds until the emulator must listen


class Emulator:
    """The emulator as a process in a group of its own. `stop` and `start` again at the same address."""

    def __init__(self, command: list[str], port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self._command = command
        self._port = port
        self._process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        """Return when it listens."""
        self._process = subprocess.Popen(  # noqa: S603 - the command is made below
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        wait_for_port(self._port, self._process, "the Bigtable emulator")

    def stop(self) -> None:
        """End it, and everything it started, as SIGKILL does."""
        process, self._process = self._process, None
        if process is not None:
            end_group(process)


def wait_for_port(port: int, process: subprocess.Popen, what: str) -> None:
    """Return when somebody listens at the port; fails when the process ends or nobody does."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)  # what is started says nothing when it is ready
    end_group(process)
    raise AssertionError(f"{what} does not listen at port {port}: {process.args}")


def end_group(process: subprocess.Popen) -> None:
    """Kill the process' own group and take its exit."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """A port nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def absent(what: str, cure: str) -> None:
    """Skip by name, or fail where the servers are required."""
    text = f"{what} is not installed: {cure}"
    if os.environ.get("TRACKER_TEST_REQUIRE") == "1":
        pytest.fail(text)
    pytest.skip(text)


def start() -> Emulator:
    """A new emulator; skips where there is none."""
    gcloud = shutil.which("gcloud")
    home = Path(gcloud).resolve().parents[1] if gcloud else Path()
    binary = home / "platform" / "bigtable-emulator" / "cbtemulator"
    port = free_port()
    if gcloud and binary.exists():  # starts in milliseconds, gcloud itself in seconds
        return Emulator([str(binary), "-host=127.0.0.1", f"-port={port}"], port)
    if not gcloud:
        absent("the Bigtable emulator", "install gcloud with its component bigtable")
    return Emulator([gcloud, "beta", "emulators", "bigtable", "start", f"--host-port=127.0.0.1:{port}"], port)


@cache
def session() -> Emulator:
    """The emulator that all tests share, each with an instance of its own; it ends with the test process."""
    emulator = start()
    atexit.register(emulator.stop)
    return emulator
