"""Outbox entries in, messages and edits in one chat out; what happened is stored before anything else is done."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from services.telegram_notifier.lane import Lane
from services.telegram_notifier.letters import Letter, Letters
from services.telegram_notifier.mailbox import Key, Mailbox
from services.telegram_notifier.newest_ids import NewestIds
from services.telegram_notifier.prober import Prober
from shared.domain.outbox_entry import OutboxEntry, OutboxState
from shared.engine import message_text, outbox
from shared.engine.message_probe import Finding, Verdict
from shared.errors import ConfigurationError, Refused, TrackerError, Unavailable, Uncertain
from shared.ports import Button, Clock, Ledger, Notifier
from shared.runtime import metrics

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 6.0
"""How long a request under way may still take once the service is told to stop."""

_Rule = Callable[[OutboxEntry], OutboxEntry]
_OPERATOR_PAUSE = 60_000
_REPEAT_PAUSE = 2_000


class Sender:
    """Delivers the entries of one chat.

    Args:
        chat: The chat.
        lane: Its pace.
        mailbox: Its entries.
        ledger: Where the entry line of a signal is found again.
        notifier: The way to people.
        ids: The newest message id known in the chat.
        clock: Real time.
        late_after: Age in ms beyond which a line says that it is late.
    """

    def __init__(
        self,
        *,
        chat: str,
        lane: Lane,
        mailbox: Mailbox,
        ledger: Ledger,
        notifier: Notifier,
        ids: NewestIds,
        clock: Clock,
        late_after: int,
    ) -> None:
        self._chat = chat
        self._lane = lane
        self._mailbox = mailbox
        self._letters = Letters(ledger)
        self._notifier = notifier
        self._ids = ids
        self._prober = Prober(notifier, ids, clock)
        self._clock = clock
        self._late_after = late_after
        self.counts: Counter[str] = Counter()
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """What an operator should look at, in one line; empty while all is well."""
        return self._trouble or self._prober.trouble

    async def run(self) -> None:
        """Deliver until cancelled; requests under way are then finished and their results stored."""
        async with asyncio.TaskGroup() as group:
            while True:
                entry = await self._lane.next(lambda: self._mailbox.waiting(self._chat))
                work = self._look_for if outbox.is_findable(entry) else self._deliver
                group.create_task(self._in_lane(entry, work))

    async def _in_lane(self, entry: OutboxEntry, work: Callable[[OutboxEntry], Awaitable[None]]) -> None:
        try:
            await work(entry)
        except Unavailable as error:
            # A store is away. What was stored so far is true, and goes on from there.
            pause = self._lane.pause(error.retry_after)
            logger.warning("store is away", extra={"error": str(error), "pause_ms": pause})
        finally:
            self._lane.done(Key(entry.chat, entry.signal_id))

    async def _deliver(self, entry: OutboxEntry) -> None:
        if outbox.is_possible_repeat(entry):
            # As long as nothing is answered, a repeat would only be one more message nobody knows of.
            await self._prober.answered()
        # A wait or a search that is broken off begins anew; a request is brought to its end.
        await _finished_on_cancel(self._say_head(entry))

    async def _say_head(self, entry: OutboxEntry) -> None:
        # Whatever can be away is asked before the request is begun.
        origin = await self._letters.origin(entry)
        newest = await self._prober.newest_known(entry.chat)

        def begin(stored: OutboxEntry) -> OutboxEntry:
            now = self._clock.now()
            if outbox.is_findable(stored) or not outbox.is_due(stored, now):
                return stored
            return outbox.begin(stored, now, self._late_after, newest)

        begun = await self._mailbox.change(Key(entry.chat, entry.signal_id), begin)
        if begun is not None:
            await self._carry_out(begun, self._letters.write(begun, origin))

    async def _look_for(self, entry: OutboxEntry) -> None:
        """Search the chat for a message whose send had no answer."""
        letter = self._letters.write(entry, await self._letters.origin(entry))
        finding = await self._prober.find(entry, letter)

        def apply(stored: OutboxEntry) -> OutboxEntry:
            # Another process may have been faster, and may have sent since.
            same_send = stored.attempts == entry.attempts and stored.after_message_id == entry.after_message_id
            return _after_search(stored, finding, letter) if same_send and outbox.is_findable(stored) else stored

        await self._mailbox.change(Key(entry.chat, entry.signal_id), apply)

    async def _carry_out(self, begun: OutboxEntry, letter: Letter) -> None:
        if begun.message_id is not None and letter.digest == begun.digest:
            message_id = begun.message_id
            rule = _for_head(begun, lambda entry: outbox.delivered(entry, message_id, letter.digest))
        else:
            rule = _for_head(begun, await self._outcome(begun, letter))
        while True:
            try:
                saved = await self._mailbox.change(Key(begun.chat, begun.signal_id), rule)
            except Unavailable as error:
                # The request is over and its result is known only here: keep it until the store has it.
                logger.warning("result cannot be stored yet", extra={"error": str(error)})
                await self._clock.sleep(_REPEAT_PAUSE)
            else:
                break
        if begun.message_id is None and saved is not None and saved.message_id is not None:
            await self._ids.saw(saved.chat, saved.message_id)

    async def _outcome(self, entry: OutboxEntry, letter: Letter) -> _Rule:
        """Make the request; what it means for the entry."""
        method = "send" if entry.message_id is None else "edit"
        try:
            message_id = await self._request(entry, letter)
        except TrackerError as error:
            return self._failure(method, error)
        self._lane.succeeded()
        self._note(method, "ok", None)
        if entry.late:
            metrics.MESSAGES_LATE.labels(entry.queue[0].kind.value).inc()
        return lambda entry: outbox.delivered(entry, message_id, letter.digest)

    def _failure(self, method: str, error: TrackerError) -> _Rule:
        text, now = str(error), self._clock.now()
        if isinstance(error, Unavailable):
            self._note(method, "unavailable", error)
            resumes = now + self._lane.pause(error.retry_after)
            return lambda entry: outbox.retry_later(entry, resumes, text)
        if isinstance(error, Uncertain):
            self._note(method, "uncertain", error)
            return lambda entry: outbox.uncertain(entry, now, text)  # the lane leaves it alone until it has settled
        if isinstance(error, Refused):
            reason = error.reason
            self._note(method, "refused", error, trouble=reason not in ("not_found", "not_editable"))
            return lambda entry: outbox.refused(entry, reason, now + _OPERATOR_PAUSE, text)
        if isinstance(error, ConfigurationError):
            self._note(method, "refused", error, trouble=True)
            resumes = now + self._lane.pause(_OPERATOR_PAUSE)
            return lambda entry: outbox.retry_later(entry, resumes, text)
        raise error

    async def _request(self, entry: OutboxEntry, letter: Letter) -> int:
        try:
            return await self._say(entry, letter.text, letter.buttons)
        except Refused as error:
            if error.reason != "bad_markup":
                raise
            # People get the words, if not the bold type. The request that was refused changed nothing.
            logger.error("markup was refused", extra={"signal_id": entry.signal_id, "error": str(error)})  # noqa: TRY400
            await self._lane.another_turn()
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
            self._trouble = ""
            return
        if trouble:
            self._trouble = str(error)
        logger.warning("message not delivered", extra={"method": method, "result": result, "error": str(error)})


def _after_search(entry: OutboxEntry, finding: Finding, letter: Letter) -> OutboxEntry:
    if finding.message_id is not None:
        return outbox.found(entry, finding.message_id, letter.digest if finding.verdict is Verdict.SAME else None)
    return outbox.not_found(entry) if finding.verdict is Verdict.ABSENT else outbox.unseen(entry)


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
