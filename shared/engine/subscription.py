"""Answers to subscribe requests in, the next request out: one bad symbol never silences the others.

A venue may refuse a whole request for one unknown topic, and stay silent and healthy ever after. So the plan asks for
one batch at a time, drops the symbols that a refusal names, and asks one by one where it names none.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence


class SubscribePlan:
    """What is still to be subscribed on one connection.

    Attributes:
        confirmed: Symbols the venue has confirmed.
        refused: Symbols it refused, with its words.
    """

    def __init__(self, batches: Iterable[Sequence[str]]) -> None:
        self._todo = deque(tuple(batch) for batch in batches if batch)
        self.confirmed: set[str] = set()
        self.refused: dict[str, str] = {}

    @property
    def batch(self) -> tuple[str, ...]:
        """Symbols of the request to send now; empty when every symbol has its answer."""
        return self._todo[0] if self._todo else ()

    def accept(self) -> None:
        """The request for `batch` was confirmed."""
        self.confirmed.update(self._todo.popleft())

    def refuse(self, named: Collection[str], text: str, *, already: bool) -> None:
        """The request for `batch` was refused as a whole.

        Args:
            named: Symbols that the refusal names; may be empty or foreign.
            text: The venue's words.
            already: The named symbols are refused because they are subscribed: they count as confirmed.
        """
        batch = self._todo.popleft()
        guilty = [symbol for symbol in batch if symbol in named] or (batch if len(batch) == 1 else ())
        if already:
            self.confirmed.update(guilty)
        else:
            self.refused.update(dict.fromkeys(guilty, text))
        rest = tuple(symbol for symbol in batch if symbol not in guilty)
        if rest:
            self._todo.extendleft([rest] if guilty else [(symbol,) for symbol in reversed(rest)])
