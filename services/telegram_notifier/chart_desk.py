"""Button presses in, answers and pictures out. No alert waits for any of this."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from services.telegram_notifier.lane import Lane
from services.telegram_notifier.pictures import Pictures
from shared.domain.shadow import told
from shared.domain.signal import Signal
from shared.engine import chart_button, message_text
from shared.errors import ConfigurationError, InvalidInput, TrackerError, Unavailable
from shared.ports import ButtonPress, Clock, Ledger, Notifier
from shared.runtime import metrics

logger = logging.getLogger(__name__)

LaneFinder = Callable[[ButtonPress, str], Awaitable[Lane]]
"""The pace of the chat in which a signal's button was pressed."""

_AT_ONCE = 100
_AGAIN_SECONDS = 30.0
_LOOKUP_SECONDS = 3.0
_OPERATOR_PAUSE = 60_000
_ATTEMPTS = 3
_SCANNED = 10_000
_DRAWING = "Drawing the chart\N{HORIZONTAL ELLIPSIS}"
_ON_ITS_WAY = "This chart was just asked for; look at the newest messages."
_BUSY = "Many charts are being drawn; please press again in a minute."
_UNKNOWN = "This signal is not known here."
_AWAY = "The chart cannot be drawn now; please press again in a minute."
_NO_CANDLES = "There are no candles for this chart any more."


@runtime_checkable
class ToldTrouble(Protocol):
    """A notifier that says why presses cannot be read now, in one line; empty while they can."""

    @property
    def press_trouble(self) -> str:
        """See above."""
        ...


class ChartDesk:
    """Answers every press at once, then draws the chart and sends it as a reply to the message.

    Args:
        notifier: Where presses come from and pictures go.
        ledger: Knows every signal there ever was, so that buttons work for ever.
        pictures: Draws.
        lane: The pace to keep.
        clock: Real time.
    """

    def __init__(self, notifier: Notifier, ledger: Ledger, pictures: Pictures, lane: LaneFinder, clock: Clock) -> None:
        self._notifier = notifier
        self._ledger = ledger
        self._pictures = pictures
        self._lane = lane
        self._clock = clock
        self._asked: dict[tuple[str, int], float] = {}
        self._working = 0
        self.charts = 0

    @property
    def trouble(self) -> str:
        """Why no button works now, as far as the notifier tells; empty while all is well."""
        return self._notifier.press_trouble if isinstance(self._notifier, ToldTrouble) else ""

    async def run(self) -> None:
        """Serve presses until cancelled, or until the notifier says that there will be none."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    async for press in self._notifier.presses():
                        group.create_task(self._serve(press))
                except ConfigurationError as error:
                    logger.error("button presses cannot be read", extra={"error": str(error)})  # noqa: TRY400
                    await self._clock.sleep(_OPERATOR_PAUSE)
                else:
                    return

    async def _serve(self, press: ButtonPress) -> None:
        """One press, from the answer to the picture."""
        started = self._clock.monotonic()
        place = (press.chat, press.message_id)
        if self._asked.get(place, -_AGAIN_SECONDS) + _AGAIN_SECONDS > started or self._working >= _AT_ONCE:
            await self._answer(press, _BUSY if place not in self._asked else _ON_ITS_WAY)
            return
        self._asked = {at: when for at, when in self._asked.items() if when + _AGAIN_SECONDS > started}
        self._asked[place] = started
        self._working += 1
        try:
            await self._show(press)
            metrics.CHART_SECONDS.observe(self._clock.monotonic() - started)
        except TrackerError as error:
            self._asked.pop(place, None)
            logger.warning("chart not sent", extra={"data": press.data, "error": str(error)})
        finally:
            self._working -= 1

    async def _show(self, press: ButtonPress) -> None:
        lines, words = await self._lookup(press.data)
        await self._answer(press, words)
        if not lines:
            raise InvalidInput(words)
        lane = await self._lane(press, lines[-1].signal_id)
        try:
            png = await self._pictures.picture(lines)
        except TrackerError as error:
            await lane.chart_turn()
            words = _NO_CANDLES if isinstance(error, InvalidInput) else _AWAY
            await self._notifier.send(press.chat, f"{message_text.headline(lines[0])}\n{words}", ())
            raise
        await self._send(lane, press, lines[-1], png)
        self.charts += 1

    async def _send(self, lane: Lane, press: ButtonPress, newest: Signal, png: bytes) -> None:
        """Only what was certainly not carried out is asked for again."""
        caption = message_text.headline(newest)
        for attempt in range(1, _ATTEMPTS + 1):
            await lane.chart_turn()
            try:
                await self._notifier.send_photo(press.chat, png, caption, press.message_id)
            except Unavailable as error:
                lane.pause(error.retry_after)
                metrics.MESSAGES.labels("send_photo", "unavailable").inc()
                if attempt == _ATTEMPTS:
                    raise
            else:
                metrics.MESSAGES.labels("send_photo", "ok").inc()
                return

    async def _lookup(self, data: str) -> tuple[list[Signal], str]:
        """The signal's lines, and what to answer."""
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                signal_id = chart_button.id_in(data) or await self._searched(data)
                lines = await self._ledger.history(signal_id) if signal_id else []
        except (TimeoutError, Unavailable):
            return [], _AWAY
        return lines, _DRAWING if lines else _UNKNOWN

    async def _searched(self, data: str) -> str | None:
        """The id of a signal whose button carries only a digest."""
        lines = told(await self._ledger.signals(_SCANNED))
        return next((line.signal_id for line in reversed(lines) if chart_button.matches(data, line.signal_id)), None)

    async def _answer(self, press: ButtonPress, words: str) -> None:
        """A press that cannot be answered can still get its chart."""
        try:
            await self._notifier.answer(press.press_id, words)
        except TrackerError as error:
            logger.warning("press not answered", extra={"error": str(error)})
