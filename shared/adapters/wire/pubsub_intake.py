"""What consumers of this process ask of one Google Pub/Sub subscription in; pulls of it, and their messages, out.

Pulls are open only while somebody waits, and ask for no more than is waited for: what is not asked for stays with the
broker, for other processes. A pull is never cancelled on purpose, because a broker goes on handing messages to a pull
whose caller has left, and those come back only when their lease ends. It ends by its own deadline instead.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from shared.adapters.wire.pubsub_api import Missing, PubSubApi
from shared.adapters.wire.pubsub_leases import Leases
from shared.errors import TrackerError, Unavailable
from shared.ports import Delivery

logger = logging.getLogger(__name__)

_MAX_MESSAGES = 1_000  # of one pull
_MIN_MESSAGES = 100  # asking for fewer is not worth a second pull
_FIRST_PAUSE = 0.1  # seconds; doubles with every failure
_LAST_PAUSE = 5.0
_HANGING = 5.0  # seconds beyond its deadline after which a pull is given up


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is pulled and held.

    Attributes:
        pulls: Pulls that are open at once, at most.
        pull_seconds: After so long a pull without messages ends, and the next one begins.
        outstanding: Messages that this process holds of one subscription, at most.
        lease_seconds: What is pulled belongs to this process for so long.
        extend_seconds: How often leases are renewed.
    """

    pulls: int
    pull_seconds: float
    outstanding: int
    lease_seconds: int
    extend_seconds: float


class Intake:
    """The messages of one subscription, shared by everyone in this process who opened it."""

    def __init__(self, api: PubSubApi, name: str, limits: Limits, repair: Callable[[], Awaitable[None]] | None) -> None:
        """`repair` creates the subscription anew where that may be done, after the broker was away or has lost it."""
        self.leases = Leases(api, name, limits.lease_seconds)
        self.views = 0
        self._api = api
        self._name = name
        self._limits = limits
        self._repair = repair
        self._buffer: deque[Delivery] = deque()
        self._pulls: set[asyncio.Task[None]] = set()
        self._demand = 0
        self._asked = 0
        self._ring = asyncio.Event()
        self._failure: Exception | None = None
        self._closing = asyncio.Event()
        self._is_silent = False
        self._is_full = False
        self._keeper = asyncio.create_task(self.leases.keep(limits.extend_seconds), name=f"leases of {name}")

    @property
    def has_room(self) -> bool:
        """Whether fewer messages are held than may be."""
        return len(self.leases) < self._limits.outstanding

    def take(self, limit: int, owner: object) -> list[Delivery]:
        """Up to `limit` messages that are here already; they are the owner's from now on."""
        taken: list[Delivery] = []
        while self._buffer and len(taken) < limit:
            taken += self.leases.claim([self._buffer.popleft()], owner)
        return taken

    async def wait(self, limit: int) -> None:
        """Ask for `limit` messages, and return when it is worth looking whether they are here.

        Raises:
            ConfigurationError: The subscription is not there, or this account may not read it.
        """
        self._demand += limit
        self._failure = None
        self._open_pulls()
        try:
            await self._ring.wait()
        finally:
            self._demand -= limit
        if self._failure is not None:
            raise self._failure

    def ring(self) -> None:
        """Let everyone who waits look again."""
        self._ring.set()
        self._ring = asyncio.Event()

    async def close(self) -> None:
        """Hand everything back at once, and also what the pulls that are still open bring."""
        self._closing.set()
        await self.hand_back(self.leases.everything())
        if self._pulls:
            await asyncio.wait(self._pulls, timeout=self._limits.pull_seconds + _HANGING / 5)
        for task in (self._keeper, *self._pulls):
            task.cancel()
        await asyncio.wait([self._keeper, *self._pulls])

    async def hand_back(self, numbers: list[str]) -> None:
        """Give these leases back; if the broker cannot be told, they end by themselves."""
        try:
            await self.leases.give_back(numbers)
        except TrackerError as error:
            logger.warning(
                "messages could not be handed over; they come back when their lease ends",
                extra={"subscription": self._name, "messages": len(numbers), "error": str(error)},
            )

    def _open_pulls(self) -> None:
        room = self._limits.outstanding - len(self.leases)
        if room <= 0 and not self._is_full:
            logger.warning("too many messages are held; pulling waits", extra={"subscription": self._name})
        self._is_full = room <= 0
        wanted = min(self._demand, room) - self._asked
        share = max(_MIN_MESSAGES, -(-self._demand // self._limits.pulls))
        while wanted > 0 and len(self._pulls) < self._limits.pulls and not self._closing.is_set():
            count = min(wanted, share, _MAX_MESSAGES)
            self._asked += count
            self._pulls.add(asyncio.create_task(self._pull(count), name=f"pull of {self._name}"))
            wanted -= count

    async def _pull(self, count: int) -> None:
        try:
            self._buffer += await self._fetch(count)
            if self._closing.is_set():
                await self.hand_back(self.leases.everything())
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits gets it
            self._failure = error
        finally:
            self._asked -= count
            task = asyncio.current_task()
            self._pulls -= {task} if task else set()
            self.ring()

    async def _fetch(self, count: int) -> list[Delivery]:
        """The answer of one pull. While the broker is away it is asked again, with growing pauses."""
        pause = _FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(self._limits.pull_seconds + _HANGING):
                    received = await self._api.pull(self._name, count, self._limits.pull_seconds)
                self._note_answer()
                return await self.leases.add(received)
            except Missing as error:
                if self._repair is None:
                    raise
                self._note_silence(error)
            except Unavailable as error:
                self._note_silence(error)
            except TimeoutError:
                self._note_silence(Unavailable("a pull neither ended nor failed"))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)
                return []
            pause = min(2 * pause, _LAST_PAUSE)
            await self._mend()

    async def _mend(self) -> None:
        """An emulator that was away has lost everything, so nothing is held and the subscription is created anew. If it
        was only the connection, what we held comes back when its lease ends."""
        if self._repair is not None:
            self.leases.forget()
            with suppress(Unavailable, Missing):
                await self._repair()

    def _note_silence(self, error: TrackerError) -> None:
        if not self._is_silent:
            logger.warning("subscription is silent", extra={"subscription": self._name, "error": str(error)})
        self._is_silent = True

    def _note_answer(self) -> None:
        if self._is_silent:
            logger.info("subscription answers again", extra={"subscription": self._name})
        self._is_silent = False
