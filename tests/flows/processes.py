"""Arguments in, a real process of the platform out: how a flow starts, watches and ends one."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.architecture.house import ROOT

_TRACKER = (sys.executable, "-m", "services.cli.main")
_POLL_SECONDS = 0.05


def environment(**extra: str) -> dict[str, str]:
    """The environment of this process without any setting of the platform, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER__")}
    return kept | {"PYTHONPATH": str(ROOT)} | extra


def tracker(folder: Path, *arguments: object, seconds: float = 60, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` to its end."""
    return python(folder, *_TRACKER[1:], *map(str, arguments), seconds=seconds, **extra)


def python(folder: Path, *arguments: str, seconds: float = 60, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the code of the house in `folder` to its end."""
    return subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


class Running:
    """A process that works until it is interrupted; it leads a group of its own, as one started from a shell does."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self._process = process
        self._errors = errors

    @property
    def stderr(self) -> str:
        """What it has written to stderr so far."""
        return self._errors.read_text(encoding="utf-8")

    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def address(self, word: str) -> str | None:
        """The first address on stderr that follows `word`, without its path; None while there is none."""
        found = re.search(rf"{word}.*?(http://[\d.]+:\d+)", self.stderr)
        return found.group(1) if found else None

    def interrupt(self) -> tuple[int, float]:
        """Press Ctrl-C, which reaches the whole group; returns the exit code and the seconds it took."""
        started = time.monotonic()
        os.killpg(self._process.pid, signal.SIGINT)
        code = self._process.wait(timeout=20)
        return code, time.monotonic() - started

    def end(self, number: signal.Signals) -> tuple[int, float]:
        """Send a signal to the process alone; returns the exit code and the seconds it took."""
        started = time.monotonic()
        os.kill(self._process.pid, number)
        code = self._process.wait(timeout=20)
        return code, time.monotonic() - started

    def wait_for(self, condition: Callable[[], object], seconds: float = 20) -> None:
        """Return when `condition` is true; fails with what the process said when it ends first or takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert not self.ended(), self.stderr
            assert time.monotonic() < deadline, self.stderr
            time.sleep(_POLL_SECONDS)


@contextmanager
def running(folder: Path, *arguments: object) -> Iterator[Running]:
    """Start a command in `folder`; it is killed at the end when it still runs."""
    errors = folder / f"stderr-{len(list(folder.glob('stderr-*')))}.txt"
    with errors.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [*_TRACKER, *map(str, arguments)],
            cwd=folder,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            yield Running(process, errors)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
