"""An outbox entry whose send had no answer in, what a look into the chat says about it out."""

import logging

from services.telegram_notifier.letters import Letter
from services.telegram_notifier.newest_ids import NewestIds
from shared.domain.outbox_entry import OutboxEntry
from shared.engine import message_text
from shared.engine.message_probe import Finding, MessageProbe, Verdict
from shared.errors import ConfigurationError, Refused, TrackerError, Unavailable, Uncertain
from shared.ports import Clock, Notifier
from shared.runtime import metrics

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 1_000, 60_000
_NOBODYS_PRESS = "0"  # an answer to it changes nothing


class Prober:
    """Searches a chat for messages of ours.

    Args:
        notifier: Looks at messages.
        ids: Learns what was seen.
        clock: Real time, for pauses.

    Attributes:
        trouble: Why nothing can be looked at now, in one line; empty while it can.
    """

    def __init__(self, notifier: Notifier, ids: NewestIds, clock: Clock) -> None:
        self._notifier = notifier
        self._ids = ids
        self._clock = clock
        self.trouble = ""

    async def newest_known(self, chat: str) -> int | None:
        """Where a search would begin; None where there can be none.

        Raises:
            Unavailable: The store is away.
        """
        return await self._ids.known(chat) if self._notifier.can_peek else None

    async def answered(self) -> None:
        """Return when the chat service answers at all, which any request shows that changes nothing."""
        failures = 0
        while True:
            try:
                await self._notifier.answer(_NOBODYS_PRESS, "")
            except (Unavailable, Uncertain) as error:
                failures += 1
                await self._wait(error, failures)
            except TrackerError:
                break  # it says no: an answer
            else:
                break
        self.trouble = ""

    async def find(self, entry: OutboxEntry, letter: Letter) -> Finding:
        """Look until the verdict stands, however long looking is not possible.

        Args:
            entry: One that `shared.engine.outbox.is_findable`, settled.
            letter: What was sent.
        """
        after = entry.after_message_id or 0
        probe = MessageProbe(after, message_text.short_id(entry.signal_id), message_text.visible(letter.text))
        finding = await self._searched(probe, entry.chat) if self._notifier.can_peek else None
        if finding is None:
            finding = Finding(Verdict.UNKNOWN, after)
        elif finding.newest > after:
            await self._ids.saw(entry.chat, finding.newest)
        metrics.PROBES.labels(finding.verdict.value).inc()
        facts = {"signal_id": entry.signal_id, "verdict": finding.verdict.value, "message_id": finding.message_id}
        logger.info("looked for a message whose send had no answer", extra=facts)
        return finding

    async def _searched(self, probe: MessageProbe, chat: str) -> Finding | None:
        """The finding; None when nothing may be looked at."""
        failures = 0
        while (wanted := probe.wanted) is not None:
            try:
                probe.saw(await self._notifier.peek(chat, wanted))
            except Unavailable as error:
                failures += 1
                await self._wait(error, failures)
                continue
            except Refused as error:
                if error.reason == "forbidden":
                    self._note_forbidden(error)
                    return None
                probe.was_refused()
            except ConfigurationError as error:
                self._note_forbidden(error)
                return None
            failures, self.trouble = 0, ""
        return probe.finding

    async def _wait(self, error: Unavailable | Uncertain, failures: int) -> None:
        pause = error.retry_after if isinstance(error, Unavailable) else None
        if pause is None:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE << min(failures - 1, 16))
        self.trouble = str(error)
        metrics.PROBES.labels("unavailable").inc()
        logger.warning("chat cannot be looked at now", extra={"error": str(error), "pause_ms": pause})
        # Seconds of the machine: a market that runs faster does not make the other side's patience shorter.
        resumes = self._clock.monotonic() * 1000 + pause
        while (left := resumes - self._clock.monotonic() * 1000) > 0:
            await self._clock.sleep(max(1, int(left)))

    def _note_forbidden(self, error: Refused | ConfigurationError) -> None:
        self.trouble = str(error)
        logger.error("messages cannot be looked at", extra={"error": str(error)})
