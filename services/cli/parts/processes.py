"""Command lines in, running processes with logs of their own out; all of them, and only they, end together."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.errors import Unavailable

_TERM_SECONDS = 9.0  # services drain within 8
_PORT_SECONDS = 60.0
_POLL_SECONDS = 0.1


class Processes:
    """Child processes, each in a process group of its own, so that what they start ends with them.

    Args:
        log_dir: Folder for ``<name>.log``; created when needed.
    """

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything, the last started first."""
        try:
            for name in reversed(list(self._running)):
                await self.end(name)
        finally:  # somebody may be too impatient to wait for them
            for name in list(self._running):
                self.kill(name)

    async def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, shown: bool = False
    ) -> None:
        """Start a process.

        Args:
            name: For the log file and for errors.
            command: Program and arguments.
            environment: Added to this process's own.
            shown: Its output goes to our stderr instead of a log file.
        """
        with contextlib.ExitStack() as stack:
            log = None if shown else stack.enter_context((self._log_dir / f"{name}.log").open("ab"))
            self._running[name] = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log if log is not None else 2,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    async def end(self, name: str) -> None:
        """SIGTERM to the process's group; SIGKILL to what is left when the process has ended, or after a while."""
        process = self._running[name]
        try:
            _signal_group(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TERM_SECONDS):
                    await process.wait()
        finally:
            self.kill(name)
        await process.wait()

    def kill(self, name: str) -> None:
        """SIGKILL to the process's group; `start` may start it again under the same name."""
        _signal_group(self._running.pop(name).pid, signal.SIGKILL)

    def send(self, name: str, number: signal.Signals) -> None:
        """A signal to the process's group, SIGSTOP for instance; nothing where it has ended."""
        if name in self._running:
            _signal_group(self._running[name].pid, number)

    def pid(self, name: str) -> int | None:
        """The process's id; None where it does not run."""
        process = self._running.get(name)
        return None if process is None or process.returncode is not None else process.pid

    async def succeeded(self, name: str) -> None:
        """Wait for a process that does its work and ends.

        Raises:
            Unavailable: It failed.
        """
        code = await self._running[name].wait()
        del self._running[name]
        if code != 0:
            raise Unavailable(f"{name} failed with exit code {code}")

    async def wait_for_end(self) -> str:
        """Return the name of the first process that ends by itself."""
        while True:
            for name, process in self._running.items():
                if process.returncode is not None:
                    return name
            await asyncio.sleep(_POLL_SECONDS)

    def log_of(self, name: str) -> Path:
        """Where a process's output is."""
        return self._log_dir / f"{name}.log"

    async def listening(self, name: str, port: int) -> None:
        """Wait until a process started here listens on a port of this machine.

        Raises:
            Unavailable: It ended, or did not listen in time; names its log.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PORT_SECONDS):
                while self._running[name].returncode is None:
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                        writer.close()
                        return
                    await asyncio.sleep(_POLL_SECONDS)
        raise Unavailable(f"{name} does not listen on port {port}; see {self.log_of(name)}")


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
