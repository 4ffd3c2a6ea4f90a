"""Books in, strategies with those books' memories out: the one that wrote the memory, while it is at hand.

Rule 1: a strategy serves only the very object it has written last, and has taken nothing since. A memory loaded from a
    store, or written by somebody else, is another object and is read anew.
Rule 2: a strategy is not kept while it works: what breaks off half-way never comes back.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from shared.domain.book import Book, BookKey
from shared.strategies.strategy import Strategy


class _Warm(NamedTuple):
    memory: dict[str, Any]
    strategy: Strategy


class WarmStrategies:
    """At most one strategy a book. No value depends on it: without it every memory is read, which takes longer.

    Args:
        create: Makes the strategy, with empty memory.
    """

    def __init__(self, create: Callable[[], Strategy]) -> None:
        self._create = create
        self._warm: dict[BookKey, _Warm] = {}

    def take(self, book: Book) -> Strategy:
        """The strategy with the book's memory, for the caller alone."""
        memory = book.state["strategy"]
        warm = self._warm.pop(book.key, None)
        if warm is not None and warm.memory is memory:
            return warm.strategy
        strategy = self._create()
        strategy.restore(memory)
        return strategy

    def put(self, key: BookKey, strategy: Strategy) -> dict[str, Any]:
        """The memory of `strategy`, for the book's state; neither may be changed by the caller from now on."""
        memory = strategy.snapshot()
        self._warm[key] = _Warm(memory, strategy)
        return memory
