"""Outbox entries in, messages and edits in one chat out; what happened is stored before anything else is done."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from services.telegram_notifier.lane import Lane
from services.telegram_notifier.mailbox import Key, Mailbox
from shared.domain.outbox_entry import OutboxEntry, OutboxState
from shared.domain.signal import Signal, SignalKind
from shared.engine import chart_button, message_text, outbox
from shared.errors import ConfigurationError, Refused, TrackerError, Unavailable, Uncertain
from shared.ports import Button, Clock, Ledger, Notifier
from shared.runtime import metrics

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 6.0
"""How long a request under way may still take once the service is told to stop."""

_Rule = Callable[[OutboxEntry], OutboxEntry]
_OPERATOR_PAUSE = 60_000
_REPEAT_PAUSE = 2_000


class _Letter(NamedTuple):
    """What a request says."""

    text: str
    buttons: tuple[Button, ...]
    digest: str


class Sender:
    """Delivers the entries of one chat.

    Args:
        chat: The chat.
        lane: Its pace.
        mailbox: Its entries.
        ledger: Where the entry line of a signal is found again.
        notifier: The way to people.
        clock: Real time.
    """

    def __init__(
        self, *, chat: str, lane: Lane, mailbox: Mailbox, ledger: Ledger, notifier: Notifier, clock: Clock
    ) -> None:
        self._chat = chat
        self._lane = lane
        self._mailbox = mailbox
        self._ledger = ledger
        self._notifier = notifier
        self._clock = clock
        self.counts: Counter[str] = Counter()
        self.trouble = ""

    async def run(self) -> None:
        """Deliver until cancelled; requests under way are then finished and their results stored."""
        async with asyncio.TaskGroup() as group:
            while True:
                entry = await self._lane.next(lambda: self._mailbox.waiting(self._chat))
                group.create_task(_finished_on_cancel(self._deliver(entry)))

    async def _deliver(self, entry: OutboxEntry) -> None:
        key = Key(entry.chat, entry.signal_id)
        try:
            letter = await self._letter(entry)
            begun = await self._mailbox.change(key, self._begin)
            if begun is not None:
                await self._carry_out(key, begun, letter)
        except Unavailable as error:
            # A store is away. What was stored so far is true, and goes on from there.
            pause = self._lane.pause(error.retry_after)
            logger.warning("store is away", extra={"error": str(error), "pause_ms": pause})
        finally:
            self._lane.done(key)

    def _begin(self, entry: OutboxEntry) -> OutboxEntry:
        now = self._clock.now()
        return outbox.begin(entry, now) if outbox.is_due(entry, now) else entry

    async def _carry_out(self, key: Key, begun: OutboxEntry, letter: _Letter) -> None:
        if begun.message_id is not None and letter.digest == begun.digest:
            message_id = begun.message_id
            rule = _for_head(begun, lambda entry: outbox.delivered(entry, message_id, letter.digest))
        else:
            rule = _for_head(begun, await self._outcome(begun, letter))
        while True:
            try:
                await self._mailbox.change(key, rule)
            except Unavailable as error:
                # The request is over and its result is known only here: keep it until the store has it.
                logger.warning("result cannot be stored yet", extra={"error": str(error)})
                await self._clock.sleep(_REPEAT_PAUSE)
            else:
                return

    async def _letter(self, entry: OutboxEntry) -> _Letter:
        head = entry.queue[0]
        text = message_text.compose(
            head, await self._entry_line(head), possible_repeat=outbox.is_possible_repeat(entry)
        )
        data = chart_button.data_for(head.strategy, head.symbol, _opened(head), head.side)
        return _Letter(text, (Button("\N{BAR CHART} Chart", data),), outbox.digest_of(text, data))

    async def _entry_line(self, head: Signal) -> Signal | None:
        if head.kind is SignalKind.ENTRY:
            return head
        history = await self._ledger.history(head.signal_id)
        return next((line for line in history if line.kind is SignalKind.ENTRY), None)

    async def _outcome(self, entry: OutboxEntry, letter: _Letter) -> _Rule:
        """Make the request; what it means for the entry."""
        method = "send" if entry.message_id is None else "edit"
        try:
            message_id = await self._request(entry, letter)
        except TrackerError as error:
            return self._failure(method, error)
        self._lane.succeeded()
        self._note(method, "ok", None)
        return lambda entry: outbox.delivered(entry, message_id, letter.digest)

    def _failure(self, method: str, error: TrackerError) -> _Rule:
        text, now = str(error), self._clock.now()
        if isinstance(error, Unavailable):
            self._note(method, "unavailable", error)
            resumes = now + self._lane.pause(error.retry_after)
            return lambda entry: outbox.retry_later(entry, resumes, text)
        if isinstance(error, Uncertain):
            self._note(method, "uncertain", error)
            return lambda entry: outbox.uncertain(entry, now + _REPEAT_PAUSE, text)
        if isinstance(error, Refused):
            reason = error.reason
            self._note(method, "refused", error, trouble=reason not in ("not_found", "not_editable"))
            return lambda entry: outbox.refused(entry, reason, now + _OPERATOR_PAUSE, text)
        if isinstance(error, ConfigurationError):
            self._note(method, "refused", error, trouble=True)
            resumes = now + self._lane.pause(_OPERATOR_PAUSE)
            return lambda entry: outbox.retry_later(entry, resumes, text)
        raise error

    async def _request(self, entry: OutboxEntry, letter: _Letter) -> int:
        try:
            return await self._say(entry, letter.text, letter.buttons)
        except Refused as error:
            if error.reason != "bad_markup":
                raise
            # People get the words, if not the bold type. The request that was refused changed nothing.
            logger.error("markup was refused", extra={"signal_id": entry.signal_id, "error": str(error)})  # noqa: TRY400
            return await self._say(entry, message_text.plain(letter.text), letter.buttons)

    async def _say(self, entry: OutboxEntry, text: str, buttons: tuple[Button, ...]) -> int:
        if entry.message_id is None:
            return await self._notifier.send(entry.chat, text, buttons)
        await self._notifier.edit(entry.chat, entry.message_id, text, buttons)
        return entry.message_id

    def _note(self, method: str, result: str, error: TrackerError | None, *, trouble: bool = False) -> None:
        metrics.MESSAGES.labels(method, result).inc()
        self.counts[f"{method}_{result}"] += 1
        if error is None:
            self.trouble = ""
            return
        if trouble:
            self.trouble = str(error)
        logger.warning("message not delivered", extra={"method": method, "result": result, "error": str(error)})


def _opened(line: Signal) -> int:
    """Open time in the signal's id, which names the entry's candle on every line."""
    return int(line.signal_id.split("/")[-2])


def _for_head(begun: OutboxEntry, rule: _Rule) -> _Rule:
    """The rule, as long as the entry still is where the request left it; another process may have taken it over."""

    def apply(entry: OutboxEntry) -> OutboxEntry:
        ours = entry.state is OutboxState.SENDING and entry.queue[0].revision == begun.queue[0].revision
        return rule(entry) if ours else entry

    return apply


async def _finished_on_cancel(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; when cancelled, let it come to its end first, for at most `DRAIN_SECONDS`."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=DRAIN_SECONDS)
        task.cancel()
        for outcome in await asyncio.gather(task, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome from None
        raise
