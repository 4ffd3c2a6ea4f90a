"""Times on frames and answers of a venue in; out comes how far this machine's clock is from the venue's.

A frame shows an upper bound: it arrived after it was made. A question shows both: the venue told its time between the
asking and the answer (Cristian, "Probabilistic clock synchronization", Distributed Computing 3, 1989). All times are
ms UTC, each by the clock of whoever told it; candles never depend on the result, which is for people.
"""

from collections import deque

_FRAMES = 32  # enough that one of them was hardly delayed, few enough that a clock that was set shows within seconds


class ClockOffset:
    """The local clock minus the venue's, in ms: positive where the local clock is ahead.

    A question tells what delay the frames that follow it have; until the next one, the fastest of the newest frames
    tells the change. So a clock that is set shows with the next frames, however seldom the venue is asked.
    """

    def __init__(self) -> None:
        self._bounds: deque[int] = deque(maxlen=_FRAMES)
        self._told: int | None = None
        self._delay: int | None = 0

    def saw_frame(self, venue_time: int, receive_time: int) -> None:
        """A frame was made at `venue_time` and arrived at `receive_time`."""
        self._bounds.append(receive_time - venue_time)
        if self._delay is None and self._told is not None and len(self._bounds) == _FRAMES:
            # No frame arrives before it is made: less than nothing is a clock set back since the question.
            self._delay = max(0, min(self._bounds) - self._told)

    def was_told(self, sent: int, venue_time: int, received: int) -> None:
        """A question left at `sent` and its answer, which says `venue_time`, arrived at `received`: the middle of
        both is wrong by half the round trip at most."""
        self._told = (sent + received) // 2 - venue_time
        self._delay = None
        self._bounds.clear()  # they may be of a time before the clock was set

    @property
    def value(self) -> int | None:
        """The best estimate; None before any evidence."""
        if self._delay is None or not self._bounds:
            return self._told
        return min(self._bounds) - self._delay
