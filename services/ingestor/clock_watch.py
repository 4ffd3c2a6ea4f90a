"""Times of the venue in; how far the local clock is off, as a metric, a fact and an alarm with its cure, out.

Candles are built by event time and do not care. Logs, delays, leases and the aligned loop of the logic engine do.
"""

import logging
from typing import Protocol, runtime_checkable

from shared.domain.feed import FeedTrades
from shared.engine.clock_offset import ClockOffset
from shared.errors import Refused, Unavailable
from shared.ports import Clock
from shared.runtime import metrics

logger = logging.getLogger(__name__)

_LOOK_MILLIS = 5_000
_ASK_EVERY = 60  # looks: five minutes
_QUESTIONS = 3  # the first one waits for a connection to be made; the fastest counts
_CURE = "synchronise it by NTP (chrony or systemd-timesyncd)"


@runtime_checkable
class VenueClock(Protocol):
    """What an exchange adapter may offer besides trades."""

    async def venue_time(self) -> int:
        """The venue's clock between the question and its answer, ms UTC; raises `Unavailable` or `Refused`."""
        ...


class ClockWatch:
    """Watches the local clock of one ingestor.

    Args:
        exchange: Label of the metric.
        clock: The clock that is watched.
        venue: Whom to ask; None to go by frames alone, whose delay then counts as an offset.
        alarm: ms from which on the offset is a fault. It is over below half of that, so that it does not flutter.
    """

    def __init__(self, exchange: str, clock: Clock, venue: VenueClock | None, alarm: int) -> None:
        self._exchange = exchange
        self._clock = clock
        self._venue = venue
        self._alarm = alarm
        self._offset = ClockOffset()
        self._looks = 0
        self.trouble = ""
        """What is wrong and its cure, in one line; empty while the clock is right."""

    @property
    def offset(self) -> int | None:
        """Local clock minus the venue's in ms; None while nothing is known."""
        return self._offset.value

    def saw(self, frame: FeedTrades) -> None:
        """A frame arrived."""
        self._offset.saw_frame(frame.venue_time, frame.receive_time)

    async def watch_forever(self) -> None:
        """Ask the venue now and then, and judge every few seconds."""
        while True:
            if self._looks % _ASK_EVERY == 0:
                await self._ask()
            self._looks += 1
            await self._judge()
            await self._clock.sleep(_LOOK_MILLIS)

    async def _judge(self) -> None:
        if self._is_off() != bool(self.trouble):
            await self._ask()  # frames alone may only be late
        off = self._is_off()
        if off != bool(self.trouble):
            level, event = (logging.WARNING, "local clock is wrong") if off else (logging.INFO, "local clock is right")
            logger.log(level, event, extra={"exchange": self._exchange, "offset_ms": self.offset, "cure": _CURE})
        self.trouble = self._words() if off else ""
        if self.offset is not None:
            metrics.CLOCK_OFFSET.labels(self._exchange).set(self.offset / 1000)

    def _is_off(self) -> bool:
        limit = self._alarm / 2 if self.trouble else self._alarm
        return abs(self.offset or 0) > limit

    def _words(self) -> str:
        offset = self.offset or 0
        side = "ahead of" if offset > 0 else "behind"
        return f"this machine's clock is {abs(offset) / 1000:.1f} s {side} the venue's: {_CURE}"

    async def _ask(self) -> None:
        if self._venue is None:
            return
        answers = []
        try:
            for _ in range(_QUESTIONS):
                sent = self._clock.now()
                told = await self._venue.venue_time()
                answers.append((sent, told, self._clock.now()))
        except (Unavailable, Refused) as error:
            logger.debug("the venue does not tell its time", extra={"reason": str(error)})
        if answers:
            self._offset.was_told(*min(answers, key=lambda answer: abs(answer[2] - answer[0])))
