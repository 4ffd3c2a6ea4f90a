"""A signal id in, the picture of its chart out; one drawing is shared by all who ask at the same time."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from shared.domain.signal import Signal, SignalKind
from shared.engine import chart_plan
from shared.ports import CandleStore, ChartRenderer, Clock

_KEPT = 32
_FRESH_SECONDS = 60.0


@dataclass(slots=True)
class _Drawing:
    task: asyncio.Task[bytes]
    started: float
    final: bool


class Pictures:
    """Draws charts and keeps the latest.

    Args:
        store: Candles to draw.
        charts: Draws outside the event loop.
        clock: Real time.
    """

    def __init__(self, store: CandleStore, charts: ChartRenderer, clock: Clock) -> None:
        self._store = store
        self._charts = charts
        self._clock = clock
        self._drawings: OrderedDict[tuple[str, int], _Drawing] = OrderedDict()

    async def picture(self, lines: list[Signal]) -> bytes:
        """PNG of the chart of a signal.

        Args:
            lines: All lines of the signal, ascending by revision.

        Raises:
            Unavailable: The store or the renderer is away; ask again later.
            InvalidInput: No candles are stored for it.
        """
        key = (lines[-1].signal_id, lines[-1].revision)
        drawing = self._drawings.get(key)
        if drawing is None or not self._is_good(drawing):
            drawing = _Drawing(
                asyncio.create_task(self._draw(lines)), self._clock.monotonic(), lines[-1].kind is SignalKind.EXIT
            )
            self._drawings[key] = drawing
        self._drawings.move_to_end(key)
        self._forget_old()
        # Whoever waits may go; the drawing is for all.
        return await asyncio.shield(drawing.task)

    async def close(self) -> None:
        """Give up what is being drawn."""
        for drawing in self._drawings.values():
            drawing.task.cancel()
        await asyncio.gather(*(drawing.task for drawing in self._drawings.values()), return_exceptions=True)
        self._drawings.clear()

    async def _draw(self, lines: list[Signal]) -> bytes:
        first = lines[0]
        start, end = chart_plan.window(lines, first.timeframe)
        candles = await self._store.read(first.instrument, first.timeframe, start, end)
        return await self._charts.render(chart_plan.plan(lines, candles))

    def _is_good(self, drawing: _Drawing) -> bool:
        """Whether a drawing may be shown: being made, or whole and (as long as the trade is open) fresh."""
        if not drawing.task.done():
            return True
        if drawing.task.cancelled() or drawing.task.exception() is not None:
            return False
        return drawing.final or self._clock.monotonic() - drawing.started < _FRESH_SECONDS

    def _forget_old(self) -> None:
        for key in [key for key, drawing in self._drawings.items() if drawing.task.done()]:
            if len(self._drawings) <= _KEPT:
                return
            del self._drawings[key]
