"""What was pulled from one Google Pub/Sub subscription in; kept from everyone else while this process lives.

A lease lasts some seconds and is renewed well before it ends. So a process that dies loses everything it held within
one lease, and one that hands over gives it back at once.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from shared.adapters.wire.pubsub_api import ACK_DEADLINE_SECONDS, Missing, PubSubApi, Received
from shared.errors import TrackerError, Unavailable
from shared.ports import Delivery

logger = logging.getLogger(__name__)

_MAX_IDS = 1_000  # of one request; it may have 512 KiB (https://cloud.google.com/pubsub/quotas#resource_limits)


@dataclass(slots=True)
class _Lease:
    """A message in our hands. `owner` is the view that delivered it, None while it waits for one."""

    ack_id: str
    owner: object | None = None


class Leases:
    """Leases by our own ids, which never repeat: a restarted emulator counts its ids from the beginning again, and an
    old acknowledgement must not hit a new message."""

    def __init__(self, api: PubSubApi, subscription: str, seconds: int) -> None:
        self._api = api
        self._subscription = subscription
        self._seconds = seconds
        self._leases: dict[str, _Lease] = {}
        self._numbers = count(1)
        # A renewal that overtakes the handing back of the same message would keep it from its successor.
        self._extending = asyncio.Lock()
        self._in_trouble = False

    def __len__(self) -> int:
        return len(self._leases)

    async def add(self, received: Sequence[Received]) -> list[Delivery]:
        """Hold what a pull brought."""
        deliveries = []
        for one in received:
            number = str(next(self._numbers))
            self._leases[number] = _Lease(one.ack_id)
            deliveries.append(Delivery(one.message, number, one.attempt))
        if self._seconds != ACK_DEADLINE_SECONDS and received:
            await self._extend([one.ack_id for one in received], self._seconds)
        return deliveries

    def claim(self, deliveries: Iterable[Delivery], owner: object) -> list[Delivery]:
        """Those that are still held, which are the owner's from now on."""
        claimed = [delivery for delivery in deliveries if delivery.ack_id in self._leases]
        for delivery in claimed:
            self._leases[delivery.ack_id].owner = owner
        return claimed

    def held(self, deliveries: Iterable[Delivery], owner: object) -> list[str]:
        """Our ids of those deliveries that the owner still holds."""
        found = ((delivery.ack_id, self._leases.get(delivery.ack_id)) for delivery in deliveries)
        return [number for number, lease in found if lease is not None and lease.owner is owner]

    def all_of(self, owner: object) -> list[str]:
        """Our ids of everything the owner holds."""
        return [number for number, lease in self._leases.items() if lease.owner is owner]

    def everything(self) -> list[str]:
        """Our ids of everything that is held."""
        return list(self._leases)

    def forget(self) -> None:
        """Hold nothing any more: the broker gives it to anyone again when the leases end, if it still has it."""
        self._leases.clear()

    async def acknowledge(self, numbers: Sequence[str]) -> None:
        """Tell the broker that these are done; what could not be told stays held.

        Raises:
            Unavailable: The broker is away.
        """
        for part in _parts(numbers):
            ack_ids = [self._leases[number].ack_id for number in part if number in self._leases]
            try:
                await self._api.acknowledge(self._subscription, ack_ids)
            except Missing:
                logger.warning(
                    "acknowledged messages of a lost subscription", extra={"subscription": self._subscription}
                )
            for number in part:
                self._leases.pop(number, None)

    async def give_back(self, numbers: Sequence[str]) -> None:
        """Let the broker deliver these again at once; what could not be told stays held.

        Raises:
            Unavailable: The broker is away.
        """
        async with self._extending:
            for part in _parts(numbers):
                taken = {number: self._leases.pop(number) for number in part if number in self._leases}
                try:
                    await self._extend([lease.ack_id for lease in taken.values()], 0)
                except Unavailable:
                    self._leases |= taken
                    raise

    async def keep(self, every: float) -> None:
        """Renew everything that is held, every so many seconds, for ever."""
        # The pauses are the machine's, not the market's: the broker counts the same seconds.
        while True:
            await asyncio.sleep(every / 4 if self._in_trouble else every)  # a lease outlives two pauses, hardly three
            try:
                await self._renew()
            except TrackerError as error:
                if not self._in_trouble:
                    logger.warning(
                        "leases cannot be renewed", extra={"subscription": self._subscription, "error": str(error)}
                    )
                self._in_trouble = True
            else:
                self._in_trouble = False

    async def _renew(self) -> None:
        async with self._extending:
            for part in _parts(self.everything()):
                ack_ids = [self._leases[number].ack_id for number in part if number in self._leases]
                await self._extend(ack_ids, self._seconds)

    async def _extend(self, ack_ids: Sequence[str], seconds: int) -> None:
        if not ack_ids:
            return
        try:
            await self._api.lease(self._subscription, ack_ids, seconds)
        except Missing:
            # With the subscription its messages are gone. Whoever pulls is told so, and that is enough.
            logger.debug("leases of a lost subscription", extra={"subscription": self._subscription})


def _parts(numbers: Sequence[str]) -> list[Sequence[str]]:
    return [numbers[start : start + _MAX_IDS] for start in range(0, len(numbers), _MAX_IDS)]
