"""A bus and a store in, the same that are away when told so, or that die at a given effect, out."""

from dataclasses import replace

from shared.domain.book import BookKey
from shared.errors import Unavailable

EFFECTS = ("commit", "publish", "save_document")


class Failing:
    """Passes every call on; a call whose name is in `away` raises instead."""

    def __init__(self, inner):
        self._inner = inner
        self.away = set()

    def __getattr__(self, name):
        if name in self.away:
            raise Unavailable(f"{name} is away")
        return getattr(self._inner, name)


class Fate:
    """Kills whatever works at effect number `at`, counted over all that share it.

    `how`: before the effect, after it, or within it: of a commit only the lines are logged then, as the port allows.
    """

    def __init__(self, at=None, how="before"):
        self._at = at
        self._how = how
        self.count = 0

    def mortal(self, inner):
        """`inner`, whose effects may be the last ones."""
        return _Mortal(inner, self)

    async def let(self, inner, name, arguments):
        """Do the effect, or die."""
        self.count += 1
        if self.count - 1 != self._at:
            return await getattr(inner, name)(*arguments)
        if self._how == "after":
            await getattr(inner, name)(*arguments)
        if self._how == "within" and name == "commit":
            (books,) = arguments
            torn = BookKey("torn", "", str(self.count))
            lines = tuple(line for book in books for line in book.unpublished)
            await inner.commit([replace(books[0], key=torn, version=0, unpublished=lines)])
        raise Unavailable(f"killed at {name}")


class _Mortal:
    def __init__(self, inner, fate):
        self._inner = inner
        self._fate = fate

    def __getattr__(self, name):
        if name not in EFFECTS:
            return getattr(self._inner, name)

        async def effect(*arguments):
            return await self._fate.let(self._inner, name, arguments)

        return effect
