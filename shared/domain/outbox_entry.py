"""One signal on its way to one chat: what must still be said, and what has been said."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.signal import Signal


class OutboxState(StrEnum):
    """Life of an outbox entry."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One signal's message in one chat.

    Attributes:
        chat: Chat or channel id, or ``@name``.
        signal_id: The signal.
        state: PENDING while something waits in `queue`; SENDING from before a request is written until its answer is
            stored; SENT when the queue is empty and the message stands; UNCERTAIN when no answer was read; DEAD when
            it was given up, with `last_error`.
        version: Counts the writes, for the conditional write.
        message_id: The message's id at the chat, once known.
        delivered_revision: Revision of the last line that is done with: shown, or given up; -1 before the first.
        queue: What must still be said, in order: entry, then at most the newest update, then the exit.
        attempts: Requests made for the head of the queue.
        next_attempt: ms UTC before which no request is made; 0 for at once.
        digest: Of the text and buttons last delivered; an edit that would change nothing is not sent.
        last_error: The last failure in one line; empty when there was none.
    """

    chat: str
    signal_id: str
    state: OutboxState = OutboxState.PENDING
    version: int = 0
    message_id: int | None = None
    delivered_revision: int = -1
    queue: tuple[Signal, ...] = ()
    attempts: int = 0
    next_attempt: int = 0
    digest: str = ""
    last_error: str = ""
