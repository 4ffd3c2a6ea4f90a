"""Times in, permission out: how many operations a chat may still take."""

from collections import deque

from shared.errors import InvariantViolation


class TokenBucket:
    """A bucket of tokens; each comes back `period` after it was taken.

    So no span of `period` ever sees more than `capacity` operations. (A bucket that refills evenly lets nearly twice as
    many through after a pause, which is just what a chat service punishes.)

    Args:
        capacity: Tokens in the bucket; 0 means that there is no limit, and no spacing either.
        period: ms until a taken token is back.
        spacing: Least ms between two operations.
    """

    def __init__(self, capacity: int = 18, period: int = 60_000, spacing: int = 1_000) -> None:
        self._capacity = capacity
        self._period = period
        self._spacing = spacing
        self._taken: deque[int] = deque()

    def wait(self, now: int, reserve: int = 0) -> int:
        """Milliseconds until an operation may be made; 0 for at once.

        Args:
            now: Time in ms of a clock that never goes back.
            reserve: Tokens that must remain for more urgent operations; at most ``capacity - 1`` counts.
        """
        if not self._capacity:
            return 0
        while self._taken and self._taken[0] + self._period <= now:
            self._taken.popleft()
        spaced = self._taken[-1] + self._spacing if self._taken else now
        usable = max(1, self._capacity - reserve)
        back = self._taken[-usable] + self._period if len(self._taken) >= usable else now
        return max(0, spaced - now, back - now)

    def take(self, now: int) -> None:
        """Use a token at `now`.

        Raises:
            InvariantViolation: No token is free; ask `wait` first.
        """
        if self.wait(now):
            raise InvariantViolation("a token was taken from an empty bucket")
        if self._capacity:
            self._taken.append(now)
