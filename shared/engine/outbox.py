"""An outbox entry and what happened to it in, the entry as it must be stored out. Nothing here talks to anybody.

Rule 1. Every change of an entry's state is made in this file and is a row of `TRANSITIONS`; anything else raises
        `InvariantViolation` and changes nothing.
Rule 2. What is queued is said in order of revision: the entry, then at most the newest line behind it. A line gives way
        to whatever is newer, but the entry only to a newer form of itself as long as nothing has been told. A line that
        may stand in the chat already keeps its place.
Rule 3. SENDING is stored before a request is written, with all that its text is made from. An entry found in SENDING by
        a new process had no answer.
Rule 4. A send without an answer may stand in the chat. Where the newest message id from before it is known, the chat is
        searched behind that id: what is found is the message, what is not found is sent as if for the first time. Where
        the chat cannot be searched, the send is repeated, marked as a possible repeat, and given up after `MAX_SENDS`
        in all; what is then said next of the signal is marked too. An edit without an answer is simply repeated:
        editing twice is editing once.
Rule 5. Whether a signal is told is decided once for each chat, by the first of its lines that is taken in, whichever
        that is (the bus keeps no order): told when its entry is not older than `late_ttl` by then, EXPIRED otherwise.
        A signal that is told is told to its exit, however late that comes; of one that is EXPIRED nothing is ever told.
        Of a young signal whose exit came first the exit is told, and the entry too if it comes while it is young and
        before the exit has been begun. An outage that is over and was never announced expires likewise; one that is not
        over is announced at any age.
"""

from dataclasses import replace
from enum import StrEnum
from hashlib import sha256

from shared.domain.outbox_entry import FINISHED, Line, LineKind, OutboxEntry, OutboxState
from shared.engine import outbox_queue
from shared.engine.outbox_queue import UNKNOWN
from shared.errors import InvariantViolation

MAX_SENDS = 3
"""Sends without an answer after which the head of a queue is given up, where the chat cannot be searched."""

MAX_ATTEMPTS = 30
"""Refusals after which the head of a queue is given up: with a minute between them, half an hour to mend rights."""

_FRESH: dict[str, object] = {"attempts": 0, "next_attempt": 0, "last_error": ""}
_LONGEST_ERROR = 300
_PRIORITY = {LineKind.EXIT: 0, LineKind.ENTRY: 1, LineKind.NOTICE: 2, LineKind.UPDATE: 3}


class Step(StrEnum):
    """What can happen to an entry."""

    ENQUEUE = "enqueue"
    BEGIN = "begin"
    DELIVERED = "delivered"
    RETRY_LATER = "retry_later"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"
    FOUND = "found"
    NOT_FOUND = "not_found"
    UNSEEN = "unseen"
    DEAD = "dead"


TRANSITIONS: dict[tuple[OutboxState, Step], frozenset[OutboxState]] = {
    (OutboxState.PENDING, Step.ENQUEUE): frozenset({OutboxState.PENDING}),
    (OutboxState.SENDING, Step.ENQUEUE): frozenset({OutboxState.SENDING}),
    (OutboxState.UNCERTAIN, Step.ENQUEUE): frozenset({OutboxState.UNCERTAIN}),
    (OutboxState.SENT, Step.ENQUEUE): frozenset({OutboxState.PENDING}),
    (OutboxState.DEAD, Step.ENQUEUE): frozenset({OutboxState.PENDING}),
    (OutboxState.EXPIRED, Step.ENQUEUE): frozenset({OutboxState.EXPIRED}),
    (OutboxState.PENDING, Step.BEGIN): frozenset({OutboxState.SENDING}),
    (OutboxState.UNCERTAIN, Step.BEGIN): frozenset({OutboxState.SENDING}),
    (OutboxState.SENDING, Step.DELIVERED): frozenset({OutboxState.SENT, OutboxState.PENDING}),
    (OutboxState.SENDING, Step.RETRY_LATER): frozenset({OutboxState.PENDING}),
    (OutboxState.SENDING, Step.UNCERTAIN): frozenset({OutboxState.UNCERTAIN, OutboxState.PENDING, OutboxState.DEAD}),
    (OutboxState.SENDING, Step.REFUSED): frozenset({OutboxState.PENDING, OutboxState.UNCERTAIN, OutboxState.DEAD}),
    (OutboxState.UNCERTAIN, Step.FOUND): frozenset({OutboxState.SENT, OutboxState.PENDING}),
    (OutboxState.UNCERTAIN, Step.NOT_FOUND): frozenset({OutboxState.PENDING}),
    (OutboxState.UNCERTAIN, Step.UNSEEN): frozenset({OutboxState.UNCERTAIN}),
    (OutboxState.PENDING, Step.DEAD): frozenset({OutboxState.PENDING, OutboxState.DEAD}),
    (OutboxState.SENDING, Step.DEAD): frozenset({OutboxState.PENDING, OutboxState.DEAD}),
    (OutboxState.UNCERTAIN, Step.DEAD): frozenset({OutboxState.PENDING, OutboxState.DEAD}),
}


def enqueue(entry: OutboxEntry | None, line: Line, chat: str, now: int, late_ttl: int) -> OutboxEntry:
    """The entry with `line` waiting to be said; the same object when it has nothing new to say.

    Args:
        entry: What is stored for this signal or notice and chat, or None.
        line: Any line of it; lines may come twice and in any order.
        chat: Where it is to be said.
        now: ms UTC.
        late_ttl: Age in ms beyond which a signal is not told any more (rule 5).
    """
    stale = outbox_queue.is_stale(line, now, late_ttl)
    if entry is None:
        first = OutboxEntry(chat, line.subject, queue=(line,))
        return _expired(replace(first, state=OutboxState.EXPIRED, queue=()), line) if stale else first
    if entry.signal_id != line.subject or entry.chat != chat:
        raise InvariantViolation(f"{line.subject} was put to the outbox entry of {entry.signal_id}")
    if entry.state is OutboxState.EXPIRED:
        return _expired(entry, line)
    queue = entry.queue if stale and outbox_queue.is_overtaken(entry, line) else outbox_queue.queue_with(entry, line)
    if queue == entry.queue:
        return entry
    if entry.state in FINISHED:
        return _move(entry, Step.ENQUEUE, OutboxState.PENDING, queue=queue, attempts=0, next_attempt=0)
    return _move(entry, Step.ENQUEUE, entry.state, queue=queue)


def _expired(entry: OutboxEntry, line: Line) -> OutboxEntry:
    if line.revision <= entry.delivered_revision:
        return entry
    changes: dict[str, object] = {"delivered_revision": line.revision, "last_error": "too old to be told"}
    return _move(entry, Step.ENQUEUE, OutboxState.EXPIRED, **changes)


def is_due(entry: OutboxEntry, now: int) -> bool:
    """Whether a request for the head of the queue may begin at `now` (ms UTC)."""
    waiting = entry.state in (OutboxState.PENDING, OutboxState.UNCERTAIN)
    return waiting and bool(entry.queue) and entry.next_attempt <= now


def rank(entry: OutboxEntry) -> tuple[int, int, str]:
    """Sorts unfinished entries: exits before entries before updates, then the oldest first."""
    head = _head(entry)
    return _PRIORITY[head.kind], head.time, entry.signal_id


def begin(entry: OutboxEntry, now: int, late_after: int, newest_known: int | None) -> OutboxEntry:
    """The head of the queue is about to be requested; store the result before the request is written.

    Args:
        entry: As stored.
        now: ms UTC.
        late_after: Age in ms beyond which a line says that it is late.
        newest_known: Largest message id known in the chat; None where none is, or where the chat cannot be searched.
    """
    head = _head(entry)
    if entry.next_attempt > now:
        raise InvariantViolation(f"outbox entry {entry.signal_id} is not due before {entry.next_attempt}")
    if is_findable(entry):
        raise InvariantViolation(f"outbox entry {entry.signal_id} may be in the chat; look for it before it is sent")
    after, late = entry.after_message_id, entry.late
    if entry.digest != UNKNOWN:
        after = newest_known if entry.message_id is None else None
    # What only repeats the words of a message is as late as that message was.
    if head.time != entry.delivered_time and (after is None or entry.message_id is None):
        late = now - head.time if now - head.time > late_after else 0
    return _move(entry, Step.BEGIN, OutboxState.SENDING, late=late, after_message_id=after)


def delivered(entry: OutboxEntry, message_id: int, digest: str) -> OutboxEntry:
    """The head stands in the chat as message `message_id`, with this digest of text and buttons."""
    return _told(entry, Step.DELIVERED, message_id, digest)


def found(entry: OutboxEntry, message_id: int, digest: str | None) -> OutboxEntry:
    """The search met message `message_id`.

    Args:
        entry: As stored.
        message_id: The message.
        digest: Of its text and buttons, when it says just what the head says; None when it is a message of the same
            signal that says something else: the head is then edited into it.
    """
    if digest is not None:
        return _told(entry, Step.FOUND, message_id, digest)
    return _move(entry, Step.FOUND, OutboxState.PENDING, message_id=message_id, next_attempt=0)


def not_found(entry: OutboxEntry) -> OutboxEntry:
    """The chat was searched, and the message is not there: the send was not carried out."""
    return _move(entry, Step.NOT_FOUND, OutboxState.PENDING, digest="", after_message_id=None, next_attempt=0)


def unseen(entry: OutboxEntry) -> OutboxEntry:
    """The chat cannot be searched: whether the message is there remains unknown."""
    return _move(entry, Step.UNSEEN, OutboxState.UNCERTAIN, after_message_id=None)


def retry_later(entry: OutboxEntry, not_before: int, error: str) -> OutboxEntry:
    """The request was not carried out, for certain: make it again at `not_before` (ms UTC) or later."""
    return _move(entry, Step.RETRY_LATER, OutboxState.PENDING, next_attempt=not_before, last_error=_line(error))


def uncertain(entry: OutboxEntry, not_before: int, error: str) -> OutboxEntry:
    """The request was written and no answer was read (see rule 4)."""
    if is_possible_repeat(entry) and entry.attempts + 1 >= MAX_SENDS:
        return _without_head(entry, Step.UNCERTAIN, f"no answer {MAX_SENDS} times, it may have been delivered: {error}")
    return _move(
        entry,
        Step.UNCERTAIN,
        OutboxState.UNCERTAIN,
        digest=UNKNOWN,
        attempts=entry.attempts + 1,
        next_attempt=not_before,
        last_error=_line(error),
    )


def refused(entry: OutboxEntry, reason: str, not_before: int, error: str) -> OutboxEntry:
    """The chat service said no, with one of the reasons of `shared.ports.Notifier`.

    A message that is gone or cannot be edited is sent anew at once; if it was only met in a search, the search goes on
    behind it. Anything else is for the operator to mend and is tried again at `not_before` (ms UTC), `MAX_ATTEMPTS`
    times.
    """
    if entry.message_id is not None and reason in ("not_found", "not_editable"):
        if entry.after_message_id is not None:
            passed = max(entry.after_message_id, entry.message_id)
            return _move(
                entry,
                Step.REFUSED,
                OutboxState.UNCERTAIN,
                message_id=None,
                after_message_id=passed,
                attempts=entry.attempts + 1,
                last_error=_line(error),
            )
        return _move(entry, Step.REFUSED, OutboxState.PENDING, message_id=None, digest="", last_error=_line(error))
    attempts = entry.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        return _without_head(entry, Step.REFUSED, error)
    changes = {"attempts": attempts, "next_attempt": not_before, "last_error": _line(error)}
    return _move(entry, Step.REFUSED, OutboxState.PENDING, **changes)


def dead(entry: OutboxEntry, error: str) -> OutboxEntry:
    """The head is given up; what waits behind it still has its turn."""
    return _without_head(entry, Step.DEAD, error)


def is_possible_repeat(entry: OutboxEntry) -> bool:
    """Whether a message sent now may be the second of its kind in the chat, and must say so."""
    return outbox_queue.may_stand(entry) and entry.after_message_id is None


def is_findable(entry: OutboxEntry) -> bool:
    """Whether a send had no answer, and the chat must be searched before anything else is asked of it (rule 4)."""
    return entry.state is OutboxState.UNCERTAIN and outbox_queue.may_stand(entry) and entry.after_message_id is not None


def digest_of(text: str, *buttons: str) -> str:
    """Digest by which two messages with the same text and buttons are known to be the same."""
    return sha256("\0".join((text, *buttons)).encode("utf-8", "replace")).hexdigest()[:32]


def _told(entry: OutboxEntry, step: Step, message_id: int, digest: str) -> OutboxEntry:
    head, rest = _head(entry), entry.queue[1:]
    return _move(
        entry,
        step,
        OutboxState.PENDING if rest else OutboxState.SENT,
        message_id=message_id,
        delivered_revision=head.revision,
        delivered_time=head.time,
        digest=digest,
        queue=rest,
        after_message_id=None,
        **_FRESH,
    )


def _head(entry: OutboxEntry) -> Line:
    if not entry.queue:
        raise InvariantViolation(f"outbox entry {entry.signal_id} has nothing to say")
    return entry.queue[0]


def _without_head(entry: OutboxEntry, step: Step, error: str) -> OutboxEntry:
    head, rest = _head(entry), entry.queue[1:]
    return _move(
        entry,
        step,
        OutboxState.PENDING if rest else OutboxState.DEAD,
        # What was given up is dealt with: the same line, delivered again by the bus, does not come back.
        delivered_revision=head.revision,
        queue=rest,
        # What may stand in the chat unknown to us still may: the next message of its kind says so.
        digest=entry.digest if entry.message_id is not None or outbox_queue.may_stand(entry) else "",
        after_message_id=None,
        **_FRESH | {"last_error": _line(error)},
    )


def _move(entry: OutboxEntry, step: Step, target: OutboxState, **changes: object) -> OutboxEntry:
    if target not in TRANSITIONS.get((entry.state, step), ()):
        raise InvariantViolation(f"outbox entry {entry.signal_id}: {step} leads from {entry.state} to no {target}")
    return replace(entry, state=target, **changes)  # type: ignore[arg-type]  # the callers name real fields


def _line(error: str) -> str:
    return " ".join(error.split())[:_LONGEST_ERROR]
