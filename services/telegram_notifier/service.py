"""Signals and notices in, one living message each in every chat out: composes intakes, senders and chart desk."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from services.telegram_notifier.chart_desk import ChartDesk
from services.telegram_notifier.intake import Intake
from services.telegram_notifier.lane import Lane
from services.telegram_notifier.mailbox import Mailbox
from services.telegram_notifier.newest_ids import NewestIds
from services.telegram_notifier.pictures import Pictures
from services.telegram_notifier.sender import Sender
from shared.messages import catalog
from shared.ports import (
    Bus,
    ButtonPress,
    CandleStore,
    ChartRenderer,
    Clock,
    DocumentStore,
    Ledger,
    Notifier,
    OutboxStore,
)
from shared.runtime.persistence import Persistence
from shared.runtime.service import Health, HealthStatus, Service

logger = logging.getLogger(__name__)

_LATE_SECONDS = 60


class TelegramNotifierService:
    """See `create`."""

    name = "telegram_notifier"

    def __init__(
        self,
        *,
        bus: Bus,
        store: CandleStore,
        ledger: Ledger,
        outbox: OutboxStore,
        documents: DocumentStore,
        notifier: Notifier,
        charts: ChartRenderer,
        clock: Clock,
        chats: Sequence[str],
        budget_per_minute: int,
        late_after: int,
        late_ttl: int,
    ) -> None:
        self._clock = clock
        self._outbox = outbox
        self._lanes = {chat: Lane(clock, budget_per_minute) for chat in dict.fromkeys(chats)}
        # Presses in chats we do not post to (a forwarded message) share one more budget.
        self._elsewhere = Lane(clock, budget_per_minute)
        self._mailbox = Mailbox(outbox, clock, self._changed, late_ttl)
        self._signals, self._notices = (
            Intake(contract, bus=bus, mailbox=self._mailbox, chats=tuple(self._lanes), clock=clock)
            for contract in (catalog.SIGNALS, catalog.NOTICES)
        )
        sender = partial(Sender, mailbox=self._mailbox, ledger=ledger, notifier=notifier, ids=NewestIds(documents))
        self._senders = [
            sender(chat=chat, lane=lane, clock=clock, late_after=late_after) for chat, lane in self._lanes.items()
        ]
        self._pictures = Pictures(store, charts, clock)
        self._desk = ChartDesk(notifier, ledger, self._pictures, self._lane_of, clock)
        self._is_open = False

    async def run(self) -> None:
        """See `Service.run`. Everything is stored before it is tried, so ending at any moment loses nothing."""
        await self._open()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._signals.run())
                group.create_task(self._notices.run())
                group.create_task(self._desk.run())
                for sender in self._senders:
                    group.create_task(sender.run())
        finally:
            await self._pictures.close()

    def health(self) -> Health:
        """See `Service.health`."""
        oldest = self._mailbox.oldest_seconds()
        troubles = (*(sender.trouble for sender in self._senders), self._desk.trouble)
        trouble = next(filter(None, troubles), "")
        facts = {
            "signals": self._signals.taken,
            "notices": self._notices.taken,
            "unfinished": len(self._mailbox),
            "oldest_seconds": round(oldest, 1),
            "sent": sum(sender.counts["send_ok"] for sender in self._senders),
            "edited": sum(sender.counts["edit_ok"] for sender in self._senders),
            "uncertain": sum(sender.counts["send_uncertain"] for sender in self._senders),
            "dead": self._mailbox.dead,
            "expired": self._mailbox.expired,
            "charts": self._desk.charts,
        }
        if not self._is_open:
            return Health(HealthStatus.STARTING, "the outbox is being read", facts)
        if trouble:
            return Health(HealthStatus.DEGRADED, trouble, facts)
        if oldest > _LATE_SECONDS:
            return Health(HealthStatus.DEGRADED, f"a message has been waiting for {oldest:.0f} s", facts)
        return Health(HealthStatus.OK, "", facts)

    async def _open(self) -> None:
        if not self._is_open:
            await Persistence(self._clock).insist(self._mailbox.open)
            self._is_open = True

    def _changed(self, chat: str) -> None:
        if chat in self._lanes:
            self._lanes[chat].wake()

    async def _lane_of(self, press: ButtonPress, signal_id: str) -> Lane:
        """The pace of the chat a button was pressed in; a channel set by its name is known by its message."""
        if press.chat in self._lanes:
            return self._lanes[press.chat]
        for chat, lane in self._lanes.items():
            entry = await self._outbox.load(chat, signal_id)
            if entry is not None and entry.message_id == press.message_id:
                return lane
        return self._elsewhere


def create(
    *,
    bus: Bus,
    store: CandleStore,
    ledger: Ledger,
    outbox: OutboxStore,
    documents: DocumentStore,
    notifier: Notifier,
    charts: ChartRenderer,
    clock: Clock,
    chats: Sequence[str],
    budget_per_minute: int,
    late_after: int,
    late_ttl: int,
) -> Service:
    """The notifier.

    Args:
        bus: Brings signals and notices.
        store: Candles for charts.
        ledger: Signals, for messages and buttons.
        outbox: What has been and must still be said.
        documents: Where the newest message id of each chat is kept.
        notifier: The way to people.
        charts: Draws.
        clock: Market time for the age of signals; the pace a chat service allows is measured by its `monotonic`.
        chats: Chat ids or ``@names``; each gets every signal.
        budget_per_minute: Messages and edits per chat and minute; 0 for no limit.
        late_after: Age in ms beyond which a message says that it is late.
        late_ttl: Age in ms beyond which a signal is not told any more.
    """
    return TelegramNotifierService(
        bus=bus,
        store=store,
        ledger=ledger,
        outbox=outbox,
        documents=documents,
        notifier=notifier,
        charts=charts,
        clock=clock,
        chats=chats,
        budget_per_minute=budget_per_minute,
        late_after=late_after,
        late_ttl=late_ttl,
    )
