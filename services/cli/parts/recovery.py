"""Kills in, how long each took to be made good out."""

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from services.cli.parts.household import Household
from shared.adapters.clock.system import SystemClock
from shared.domain.book import BookKey
from shared.domain.timeframe import Timeframe
from shared.errors import Unavailable
from shared.ports import Ledger
from shared.runtime.service import HealthStatus

_POLL_MILLIS = 50
_REQUEST_SECONDS = 1.0
_SLOW = ("macro_engine",)  # until it has a day of candles it says that it starts, which is as well as it can be


@dataclass(frozen=True, slots=True)
class _Open:
    """A kill that is not made good yet: what was killed, when (s), in which minute of the market (ms UTC)."""

    name: str
    since: float
    minute: int


class Recovery:
    """Measures. A kill is made good when the service says that it is well, on its own health page, and the minute of
    the market in which it was killed has been decided on by every strategy: all that it held then has gone its way.

    Args:
        household: Where the health pages are.
        ledger: Where the books are.
        keys: The books that must have come past the minute.
        last: No later minute is waited for, ms UTC.
    """

    def __init__(self, household: Household, ledger: Ledger, keys: Sequence[BookKey], last: int) -> None:
        self._household = household
        self._ledger = ledger
        self._keys = keys
        self._last = last
        self._open: list[_Open] = []
        self._said: dict[str, str] = {}
        self._real = SystemClock()
        self.done: list[tuple[str, float]] = []
        """What was killed, and the seconds until it was made good."""

    @property
    def open(self) -> dict[str, str]:
        """What is not made good yet, and what it said of itself when it was last asked; ascending by name."""
        return {name: self._said.get(name, "") for name in sorted({each.name for each in self._open})}

    def killed(self, name: str, market_time: int) -> None:
        """`name` is being killed now, at `market_time` (ms UTC)."""
        minute = min(Timeframe.M1.floor(market_time), self._last)
        self._open.append(_Open(name, self._real.monotonic(), minute))

    async def watch(self) -> None:
        """Look until cancelled."""
        timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                if self._open:
                    await self._look(session)
                await self._real.sleep(_POLL_MILLIS)

    async def all_answer(self, names: Sequence[str]) -> None:
        """Return when each of the services has said how it is."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_REQUEST_SECONDS)) as session:
            for name in names:
                while await self._says(session, name) is None:
                    await self._real.sleep(_POLL_MILLIS)

    async def _look(self, session: aiohttp.ClientSession) -> None:
        try:
            books = await self._ledger.load_books(self._keys)
        except Unavailable:
            return
        decided = min((books[key].evaluated_to if key in books else 0 for key in self._keys), default=0)
        due = [each for each in self._open if each.minute <= decided]
        self._said |= {each.name: f"decided to {decided}, not to {each.minute}" for each in self._open}
        self._said |= {name: await self._says(session, name) or "no answer" for name in {each.name for each in due}}
        now = self._real.monotonic()
        done = [each for each in due if _is_well(each.name, self._said[each.name])]
        self.done += [(each.name, now - each.since) for each in done]
        self._open = [each for each in self._open if each not in done]

    async def _says(self, session: aiohttp.ClientSession, name: str) -> str | None:
        """What the service says of itself: ``ok``, or another status and why; None where it does not answer."""
        try:
            async with session.get(self._household.health_url(name)) as answer:
                health = (await answer.json())["services"][name]
                return f"{health['status']} {health['detail']}".rstrip()
        except (aiohttp.ClientError, TimeoutError):
            return None


def _is_well(name: str, said: str) -> bool:
    return said == HealthStatus.OK or (name in _SLOW and said.startswith(HealthStatus.STARTING))
