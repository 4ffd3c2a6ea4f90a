"""One signal or notice on its way to one chat: what must still be said, and what has been said."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.notice import Notice
from shared.domain.signal import Signal


class OutboxState(StrEnum):
    """Life of an outbox entry."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    DEAD = "dead"
    EXPIRED = "expired"


FINISHED = (OutboxState.SENT, OutboxState.DEAD, OutboxState.EXPIRED)
"""States in which nothing waits to be said."""


class LineKind(StrEnum):
    """How urgent a line is, and what it gives way to (see `shared.engine.outbox`)."""

    ENTRY = "entry"
    UPDATE = "update"
    EXIT = "exit"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say: exactly one of `signal` and `notice` is given.

    Attributes:
        kind: A signal's own kind, or NOTICE.
        revision: Of the signal or notice.
        time: Market time of its decision, ms UTC.
        signal: A line of a signal.
        notice: A line of a notice.
    """

    kind: LineKind
    revision: int
    time: int
    signal: Signal | None = None
    notice: Notice | None = None

    def __post_init__(self) -> None:
        # Entries of the first versions held bare signals. They must not be read as lines that say nothing.
        if (self.signal is None) == (self.notice is None):
            raise ValueError(
                "a waiting line carries one signal or one notice; if an earlier version of the platform wrote it, let "
                "that version send what waits, or start with an empty outbox"
            )

    @property
    def subject(self) -> str:
        """Id of what it speaks of: all its lines share one message in a chat."""
        if self.signal is not None:
            return self.signal.signal_id
        return self.notice.notice_id if self.notice is not None else ""


def line_of(value: Signal | Notice) -> Line:
    """The line that says `value`."""
    if isinstance(value, Signal):
        return Line(LineKind(value.kind.value), value.revision, value.time, signal=value)
    return Line(LineKind.NOTICE, value.revision, value.time, notice=value)


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One signal's or notice's message in one chat.

    Attributes:
        chat: Chat or channel id, or ``@name``.
        signal_id: The signal, or the notice (`Line.subject`).
        state: PENDING while something waits in `queue`; SENDING from before a request is written until its answer is
            stored; SENT when the queue is empty and the message stands; UNCERTAIN when no answer was read; DEAD when
            it was given up, with `last_error`; EXPIRED when it was too old to be told at all.
        version: Counts the writes, for the conditional write.
        message_id: The message's id at the chat, once known.
        delivered_revision: Revision of the last line that is done with: shown, given up or expired; -1 before the
            first.
        delivered_time: `Line.time` of the last line shown; a later line with the same time repeats it. 0 before the
            first.
        queue: What must still be said, in order: entry, then at most the newest update, then the exit.
        attempts: Requests made for the head of the queue.
        next_attempt: ms UTC before which no request is made; 0 for at once.
        digest: Of the text and buttons last delivered; an edit that would change nothing is not sent.
        last_error: The last failure in one line; empty when there was none.
        late: What the newest request says about its lateness, ms; 0 for a line that was on time.
        after_message_id: The newest message id known in the chat when the send began whose answer is not known; None
            where there is no such send, or no such id.
    """

    chat: str
    signal_id: str
    state: OutboxState = OutboxState.PENDING
    version: int = 0
    message_id: int | None = None
    delivered_revision: int = -1
    delivered_time: int = 0
    queue: tuple[Line, ...] = ()
    attempts: int = 0
    next_attempt: int = 0
    digest: str = ""
    last_error: str = ""
    late: int = 0
    after_message_id: int | None = None
