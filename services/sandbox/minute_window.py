"""Moments in, how many of them lie within one minute out."""

from collections import deque

_SECONDS = 60.0


class MinuteWindow:
    """Counts what happened within the last 60 seconds. Times are seconds that never go back."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self.busiest = 0
        """The most that ever happened within 60 seconds."""

    def add(self, now: float) -> None:
        """It happened once more."""
        self._times.append(now)
        self.busiest = max(self.busiest, self.count(now))

    def count(self, now: float) -> int:
        """How often it happened within the last minute."""
        while self._times and self._times[0] <= now - _SECONDS:
            self._times.popleft()
        return len(self._times)

    def seconds_left(self, now: float) -> float:
        """Until the oldest moment is a minute ago; 0 where there is none."""
        return self._times[0] + _SECONDS - now if self.count(now) else 0.0
