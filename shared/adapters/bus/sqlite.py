"""Messages in, the same messages out, through one SQLite file: they survive the process, and several may share them.

A consumer's process that dies gives its messages back as soon as another one notices, one that hangs when its lease
ends. What comes back is delivered before what is newer. A pull from a subscription that has been released raises
`Unavailable`, and so does one that is waiting then.
"""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from sqlite3 import Connection

from pydantic import BaseModel, ConfigDict, Field

from shared.adapters.wire import sqlite_queue
from shared.adapters.wire.machine_process import is_gone, own_name
from shared.adapters.wire.message_rules import check_sizes, dead_letter, rejected
from shared.adapters.wire.sqlite_thread import Schema, SqliteThread
from shared.errors import Unavailable
from shared.messages.catalog import CONTRACTS, subscription
from shared.ports import Clock, Delivery, Message

logger = logging.getLogger(__name__)

# Every subscription of the catalog is there from the beginning: what is published before a reader's first start must
# wait for the reader. (What nobody ever reads goes after `retention_millis`.)
_SUBSCRIPTIONS = tuple(
    sqlite_queue.creation(contract.topic, subscription(contract, service))
    for contract in CONTRACTS
    for service in contract.consumers
)
_SCHEMA = Schema(
    what="bus",
    application_id=0x43535442,  # "CSTB"
    version=1,
    statements=(*sqlite_queue.SCHEMA, *_SUBSCRIPTIONS),
)
_RENEWALS_PER_LEASE = 2.5  # every 4 s of 10, so that one late renewal loses nothing


class Options(BaseModel):
    """Settings of the bus.

    Attributes:
        path: The file; created where it is missing.
        lease_millis: A process that has not been heard of for so long loses what it holds. One that is dead loses it
            at once.
        poll_millis: How often to look for what other processes have done.
        max_outstanding: `publish` waits while a subscription that somebody has open has so many messages outstanding.
        retention_millis: Messages nobody has acknowledged by then are dropped: a consumer that was given up must not
            fill the disk.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    path: Path = Path("data/bus.db")
    lease_millis: int = Field(default=10_000, ge=100)
    poll_millis: int = Field(default=50, ge=1)
    max_outstanding: int = Field(default=20_000, ge=1)
    retention_millis: int = Field(default=24 * 3_600_000, ge=1)


class _Bell:
    """Wakes everyone who listened before it rang, and nobody is missed: each waits for the ring after its own look."""

    def __init__(self) -> None:
        self._ring = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """Event of the next ring; taken before looking, awaited after a look in vain."""
        return self._ring

    def ring(self) -> None:
        """Wake all listeners."""
        self._ring.set()
        self._ring = asyncio.Event()


class SqliteSubscription:
    """One consumer of a subscription: an owner of leases in the file."""

    def __init__(self, bus: "SqliteBus", topic: str, name: str, owner: str, number: int) -> None:
        self._bus = bus
        self._topic = topic
        self._name = name
        self._number = number
        self._released = False
        self.owner = owner

    @property
    def lease(self) -> tuple[str, int]:
        """Whose lease on which subscription is to be renewed."""
        return self.owner, self._number

    async def pull(self, limit: int = 100) -> list[Delivery]:
        """Wait until at least one message is there, then return up to `limit` of them.

        Raises:
            Unavailable: The subscription has been released, or the file cannot be used.
        """
        while True:
            ring = self._bus.arrived.listen()
            if self._released:
                raise Unavailable(f"subscription {self._name!r} has been released; subscribe again to go on")
            if deliveries := await self._take(limit):
                return deliveries
            await ring.wait()

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Forget these, in one transaction."""
        await self._bus.thread.write(lambda file: sqlite_queue.remove(file, self._number, deliveries))
        self._bus.room.ring()

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Queue these again, before what is newer."""
        await self._bus.thread.write(lambda file: sqlite_queue.give_back(file, self._number, self.owner, deliveries))
        self._bus.arrived.ring()

    async def reject(self, delivery: Delivery, reason: str) -> None:
        """Move this one to the dead letters, in one transaction. It does not wait for their consumers."""
        target = dead_letter(self._topic)
        message = rejected(delivery.message, self._topic, reason)

        def move(file: Connection) -> None:
            if sqlite_queue.remove(file, self._number, [delivery]) and target is not None:
                sqlite_queue.put(file, target, [message], self._bus.clock.now())

        await self._bus.thread.write(move)
        self._bus.arrived.ring()
        self._bus.room.ring()

    async def release(self) -> None:
        """Queue everything held again and end this view; waiting pulls raise."""
        if self._released:
            return
        self._released = True
        self._bus.forget(self)
        try:
            await self._bus.thread.write(lambda file: sqlite_queue.release(file, self._number, self.owner))
        finally:
            self._bus.arrived.ring()

    async def _take(self, limit: int) -> list[Delivery]:
        taken: list[Delivery] = []

        def take(file: Connection) -> None:
            if not self._released:  # set before the release is queued behind this: what is taken now is given back then
                lease_until = self._bus.lease_until()
                taken.extend(sqlite_queue.take(file, self._number, self.owner, limit, lease_until))

        try:
            await self._bus.thread.write(take)
        except asyncio.CancelledError:
            if taken:  # nobody will ever see these, so nobody could acknowledge them
                await self.nack(taken)
            raise
        return taken


class SqliteBus:
    """Topics and subscriptions in a file. One background task renews leases and watches for other processes."""

    def __init__(self, options: Options, clock: Clock, thread: SqliteThread) -> None:
        self.clock = clock
        self.thread = thread
        self.arrived = _Bell()
        self.room = _Bell()
        self._options = options
        self._open: list[SqliteSubscription] = []
        self._watching: asyncio.Task[None] | None = None
        self._file_version = 0
        self._renewed = self._monotonic_millis()

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Store the messages for every subscription there is; waits while a consumer is too far behind."""
        check_sizes(topic, messages)
        self._watch()

        def put(file: Connection) -> bool:
            if sqlite_queue.is_full(file, topic, self._options.max_outstanding):
                return False
            sqlite_queue.put(file, topic, messages, self.clock.now())
            return True

        ring = self.room.listen()
        while not await self.thread.write(put):
            await ring.wait()
            ring = self.room.listen()
        self.arrived.ring()

    async def subscribe(self, topic: str, subscription: str) -> SqliteSubscription:
        """Open the named subscription, creating it where needed."""
        self._watch()
        owner = own_name()
        number = await self.thread.write(
            lambda file: sqlite_queue.open_subscription(file, topic, subscription, owner, self.lease_until())
        )
        view = SqliteSubscription(self, topic, subscription, owner, number)
        self._open.append(view)
        return view

    async def close(self) -> None:
        """Release every subscription and let go of the file; whoever waits gets `Unavailable`."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        try:
            for view in tuple(self._open):
                await view.release()
        finally:
            await self.thread.close()
            self.room.ring()

    def lease_until(self) -> int:
        """End of a lease that begins now, on the machine's clock."""
        return self._monotonic_millis() + self._options.lease_millis

    def forget(self, view: SqliteSubscription) -> None:
        """Renew this view's lease no more."""
        self._open.remove(view)

    def _monotonic_millis(self) -> int:
        return int(self.clock.monotonic() * 1000)

    def _watch(self) -> None:
        if self._watching is None:
            self._watching = asyncio.create_task(self._keep_watching(), name="sqlite bus watch")

    async def _keep_watching(self) -> None:
        # The pauses are the machine's, not the market's: another process is as fast as this one.
        while True:
            try:
                await self._look()
            except Unavailable as error:
                logger.warning("bus file cannot be watched", extra={"error": str(error)})
            await asyncio.sleep(self._options.poll_millis / 1000)

    async def _look(self) -> None:
        """Renew our leases when it is time, take away those of the dead, and wake up when another process wrote."""
        now = self._monotonic_millis()
        if (now - self._renewed) * _RENEWALS_PER_LEASE >= self._options.lease_millis:
            await self._renew()
            self._renewed = now
        version, expired = await self.thread.read(
            lambda file: (
                file.execute("PRAGMA data_version").fetchone()[0],
                sqlite_queue.expired(file, now, self._options.lease_millis, is_gone),
            )
        )
        if expired:
            await self.thread.write(
                lambda file: sqlite_queue.free_expired(file, now, self._options.lease_millis, is_gone)
            )
        if expired or version != self._file_version:
            self._file_version = version
            self.arrived.ring()
            self.room.ring()

    async def _renew(self) -> None:
        owners = [view.lease for view in self._open]
        published_before = self.clock.now() - self._options.retention_millis

        def renew(file: Connection) -> int:
            sqlite_queue.renew(file, owners, self.lease_until())
            return sqlite_queue.purge(file, published_before)

        if dropped := await self.thread.write(renew):
            logger.warning("messages nobody acknowledged in time were dropped", extra={"count": dropped})


def create(options: Options, clock: Clock) -> SqliteBus:
    """The bus in a file.

    Raises:
        ConfigurationError: The path cannot be a bus of this build.
        Unavailable: Another process keeps the file locked.
    """
    return SqliteBus(options, clock, SqliteThread(options.path, _SCHEMA))
