"""An environment in, every service as a process of its own out; each can be killed, stopped, or deprived of room."""

import asyncio
import resource
import signal
import sys
from collections.abc import Mapping, Sequence

import click

from services.cli.parts import local_cloud
from services.cli.parts.processes import Processes
from services.wiring import ALL

_SANDBOX = "sandbox"


class Household:
    """The services as processes, one each.

    Args:
        processes: Ends them.
        environment: Settings of all of them.
        foreground: The service that speaks on our stderr; the others write logs.
    """

    def __init__(self, processes: Processes, environment: Mapping[str, str], foreground: str = "") -> None:
        self._processes = processes
        self._environment = dict(environment)
        self._foreground = foreground
        self._ports = {name: str(local_cloud.free_port()) for name in ALL}
        self._one_by_one = asyncio.Lock()  # nobody starts a process that another is about to start

    @property
    def page_url(self) -> str:
        """Address of the sandbox's channel page."""
        return f"http://127.0.0.1:{self._environment['TRACKER__SANDBOX__PORT']}/"

    def health_url(self, name: str) -> str:
        """Where a service tells its health."""
        return f"http://127.0.0.1:{self._ports[name]}/health"

    async def bootstrap(self) -> None:
        """Prepare bus and stores.

        Raises:
            Unavailable: It failed.
        """
        await self._processes.start("bootstrap", _tracker("bootstrap"), self._environment, shown=True)
        await self._processes.succeeded("bootstrap")

    async def start(self, names: Sequence[str]) -> None:
        """Start the named services in their order and say where they are.

        Raises:
            Unavailable: The sandbox does not listen.
        """
        for name in names:
            await self.launch(name)
            click.echo(f"{name}: health {self.health_url(name)}", err=True)
            if name == _SANDBOX:
                await self._processes.listening(name, int(self._environment["TRACKER__SANDBOX__PORT"]))
                click.echo(f"channel: {self.page_url}", err=True)

    async def launch(self, name: str, extra: Mapping[str, str] | None = None) -> None:
        """Start one service, with settings of its own on top."""
        own = {"TRACKER__PAGE__PORT": self._ports[name], **(extra or {})}
        shown = name == self._foreground
        await self._processes.start(name, _tracker("run", name), self._environment | own, shown=shown)

    async def kill(self, name: str, extra: Mapping[str, str] | None = None) -> None:
        """SIGKILL, and start it again at once."""
        async with self._one_by_one:
            self._processes.kill(name)
            await self.launch(name, extra)

    async def revive(self, name: str) -> bool:
        """Start a service again if it has ended by itself; whether it had."""
        async with self._one_by_one:
            if self._processes.pid(name) is not None:
                return False
            await self.launch(name)
            return True

    def stop(self, name: str) -> None:
        """Let a process stand still, as a machine that hangs does; its connections stay open."""
        self._processes.send(name, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """End a standstill."""
        self._processes.send(name, signal.SIGCONT)

    def limit_files(self, name: str, size: int | None) -> None:
        """Let every write past `size` bytes of a file fail, as on a full disk; None for no limit.

        Only the soft limit is moved, so no privilege is needed. The error is EFBIG, not ENOSPC.
        """
        pid = self._processes.pid(name)
        if pid is not None:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def _tracker(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "services.cli.main", *arguments]
