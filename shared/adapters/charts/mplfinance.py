"""A chart specification in, PNG bytes out, drawn in other processes: the event loop neither draws nor waits.

The drawing libraries are imported in the workers only; this process never loads them.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.chart import ChartSpec
from shared.errors import Unavailable

logger = logging.getLogger(__name__)

_NICENESS = 10


class Options(BaseModel):
    """How charts are drawn.

    Attributes:
        width_px: Width of the picture.
        height_px: Height of the picture.
        theme: ``dark`` or ``light``.
        workers: Processes that draw at the same time.
        timeout: Seconds a chart may take, the start of a worker included.
        charts_per_worker: Charts after which a worker is replaced, so that no memory piles up.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    width_px: int = Field(default=1000, ge=400, le=2000)
    height_px: int = Field(default=1100, ge=400, le=2400)
    theme: Literal["dark", "light"] = "dark"
    workers: int = Field(default=1, ge=1, le=8)
    timeout: float = Field(default=20, gt=0)
    charts_per_worker: int = Field(default=50, ge=1)


class MplfinanceRenderer:
    """`ChartRenderer` over a pool of processes."""

    def __init__(self, options: Options) -> None:
        self._options = options
        # A chart is handed to the pool only when a worker is free, so that the timeout measures drawing, not queueing.
        self._free = asyncio.Semaphore(options.workers)
        self._pool: _Pool | None = None

    async def render(self, spec: ChartSpec) -> bytes:
        """See `ChartRenderer.render`."""
        async with self._free:
            pool = self._usable_pool()
            try:
                async with asyncio.timeout(self._options.timeout):
                    return await pool.draw(spec, self._options)
            except TimeoutError:
                self._discard(pool)
                raise Unavailable(f"a chart took longer than {self._options.timeout:g} s; press again") from None
            except BrokenProcessPool:
                self._discard(pool)
                raise Unavailable("the process that draws charts died; press again") from None
            except Exception as error:
                logger.exception("chart cannot be drawn", extra={"title": spec.title})
                raise Unavailable(f"this chart cannot be drawn: {error}") from error

    async def close(self) -> None:
        """See `ChartRenderer.close`."""
        if self._pool is not None:
            self._discard(self._pool)

    def _usable_pool(self) -> "_Pool":
        worn = self._pool is not None and self._pool.drawn >= self._options.charts_per_worker * self._options.workers
        if self._pool is not None and worn:
            self._pool.retire()
            self._pool = None
        if self._pool is None:
            self._pool = _Pool(self._options.workers)
        return self._pool

    def _discard(self, pool: "_Pool") -> None:
        pool.kill()
        if self._pool is pool:
            self._pool = None


class _Pool:
    """Worker processes of one generation.

    They are counted and replaced here: `ProcessPoolExecutor` can do so by itself (``max_tasks_per_child``), but may
    wait for ever for a worker that has just gone (https://github.com/python/cpython/issues/115634).
    """

    def __init__(self, workers: int) -> None:
        # Spawned, not forked: a fork would copy the event loop's sockets and locks into the worker.
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare_worker)
        self.drawn = 0

    async def draw(self, spec: ChartSpec, options: Options) -> bytes:
        self.drawn += 1
        # Submitting starts a process when none is there, which takes longer than the event loop may be held.
        future: Future[bytes] = await asyncio.to_thread(
            self._executor.submit, _draw, spec, options.width_px, options.height_px, options.theme
        )
        return await asyncio.wrap_future(future)

    def retire(self) -> None:
        """Let what is being drawn be finished, then end."""
        self._executor.shutdown(wait=False)

    def kill(self) -> None:
        """End at once, whatever the workers do."""
        processes = self._executor._processes or {}  # noqa: SLF001  # no public way to end a hung worker before 3.14
        for process in list(processes.values()):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        self._executor.shutdown(wait=False, cancel_futures=True)


def create(options: Options) -> MplfinanceRenderer:
    """A renderer; its processes start with the first chart."""
    return MplfinanceRenderer(options)


def _prepare_worker() -> None:
    """Runs first in each worker."""
    # Ctrl-C reaches the whole process group; the parent decides when a worker ends ...
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # ... and a worker whose parent was killed must not stay behind.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(_NICENESS)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _draw(spec: ChartSpec, width: int, height: int, theme: str) -> bytes:
    from shared.adapters.wire import mplfinance_figure  # noqa: PLC0415  # heavy: in the worker only

    return mplfinance_figure.draw(spec, width, height, theme)
