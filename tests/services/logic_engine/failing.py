"""A bus and a store in, the same that are away when told so out."""

from shared.errors import Unavailable


class Failing:
    """Passes every call on; a call whose name is in `away` raises instead."""

    def __init__(self, inner):
        self._inner = inner
        self.away = set()

    def __getattr__(self, name):
        if name in self.away:
            raise Unavailable(f"{name} is away")
        return getattr(self._inner, name)
