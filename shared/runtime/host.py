"""Services in, a process that keeps them running out: starts, supervises, and on a signal drains and ends them."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator, Sequence

from shared.errors import ConfigurationError, InvalidInput, InvariantViolation
from shared.ports import Clock
from shared.runtime.service import Health, HealthStatus, Service

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 8.0
_FIRST_PAUSE = 1_000
_LONGEST_PAUSE = 30_000
_CALM_SECONDS = 60.0


class Host:
    """Runs services until told to stop.

    A service that fails is started again after a growing pause; one that reports a wrong setting, a wrong file or a
    broken invariant ends the process, because going on would only hide it.
    """

    def __init__(self, services: Sequence[Service], clock: Clock) -> None:
        self._services = tuple(services)
        self._clock = clock
        self._failures: dict[str, str] = {}
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask all services to finish; `run` returns when they have."""
        self._stop.set()

    def health(self) -> dict[str, Health]:
        """Health of each service by name; one that is being restarted is degraded."""
        return {
            service.name: Health(HealthStatus.DEGRADED, self._failures[service.name])
            if service.name in self._failures
            else service.health()
            for service in self._services
        }

    async def run(self) -> None:
        """Work until `stop`, SIGINT or SIGTERM; then give the services `DRAIN_SECONDS` to finish.

        Raises:
            ConfigurationError: A service cannot work with its settings.
            InvalidInput: A service cannot work with a file it was given.
            InvariantViolation: A service contradicts itself.
        """
        with _signals(self._stop):
            tasks = [asyncio.create_task(self._supervise(service), name=service.name) for service in self._services]
            stopped = asyncio.create_task(self._stop.wait(), name="stop")
            try:
                await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopped.cancel()
                await self._drain(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _supervise(self, service: Service) -> None:
        pause = _FIRST_PAUSE
        while True:
            started = self._clock.monotonic()
            try:
                await service.run()
            except Exception as failure:
                error = _first(failure)
                if isinstance(error, ConfigurationError | InvalidInput | InvariantViolation):
                    raise error from failure
                self._failures[service.name] = f"failed ({error}); starting again"
                logger.exception("service failed", extra={"service": service.name, "pause_ms": pause})
            else:
                self._failures[service.name] = "ended although nobody asked it to; starting again"
                logger.error("service ended", extra={"service": service.name, "pause_ms": pause})
            if self._clock.monotonic() - started > _CALM_SECONDS:
                pause = _FIRST_PAUSE
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            del self._failures[service.name]

    async def _drain(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in late:
            logger.error("service did not finish in time", extra={"service": task.get_name()})


def _first(error: Exception) -> Exception:
    """The first error of a task group, or the error itself."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `stop` for as long as the host runs."""
    loop = asyncio.get_running_loop()
    handled = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
            handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
