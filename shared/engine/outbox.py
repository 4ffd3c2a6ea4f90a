"""An outbox entry and what happened to it in, the entry as it must be stored out. Nothing here talks to anybody.

Rule 1. Every change of an entry's state is made in this file and is a row of `TRANSITIONS`; anything else raises
        `InvariantViolation` and changes nothing.
Rule 2. What is queued is said in order of revision: the entry, then at most the newest update, then the exit. An update
        gives way to whatever is newer, an entry and an exit never give way.
Rule 3. SENDING is stored before a request is written. An entry found in SENDING by a new process had no answer.
Rule 4. A send without an answer may stand in the chat. It is repeated once, marked as a possible repeat, and then given
        up. An edit without an answer is simply repeated: editing twice is editing once.
"""

from dataclasses import replace
from enum import StrEnum
from hashlib import sha256

from shared.domain.outbox_entry import OutboxEntry, OutboxState
from shared.domain.signal import Signal, SignalKind
from shared.errors import InvariantViolation

MAX_ATTEMPTS = 30
"""Refusals after which the head of a queue is given up: with a minute between them, half an hour to mend rights."""

_UNKNOWN = "unknown"
# Stands for the digest of a text that may or may not be in the chat. It equals no digest, so nothing is skipped.

_LONGEST_ERROR = 300
_PRIORITY = {SignalKind.EXIT: 0, SignalKind.ENTRY: 1, SignalKind.UPDATE: 2}


class Step(StrEnum):
    """What can happen to an entry."""

    ENQUEUE = "enqueue"
    BEGIN = "begin"
    DELIVERED = "delivered"
    RETRY_LATER = "retry_later"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"
    DEAD = "dead"


TRANSITIONS: dict[tuple[OutboxState, Step], frozenset[OutboxState]] = {
    (OutboxState.PENDING, Step.ENQUEUE): frozenset({OutboxState.PENDING}),
    (OutboxState.SENDING, Step.ENQUEUE): frozenset({OutboxState.SENDING}),
    (OutboxState.UNCERTAIN, Step.ENQUEUE): frozenset({OutboxState.UNCERTAIN}),
    (OutboxState.SENT, Step.ENQUEUE): frozenset({OutboxState.PENDING}),
    (OutboxState.DEAD, Step.ENQUEUE): frozenset({OutboxState.PENDING}),
    (OutboxState.PENDING, Step.BEGIN): frozenset({OutboxState.SENDING}),
    (OutboxState.UNCERTAIN, Step.BEGIN): frozenset({OutboxState.SENDING}),
    (OutboxState.SENDING, Step.DELIVERED): frozenset({OutboxState.SENT, OutboxState.PENDING}),
    (OutboxState.SENDING, Step.RETRY_LATER): frozenset({OutboxState.PENDING}),
    (OutboxState.SENDING, Step.UNCERTAIN): frozenset({OutboxState.UNCERTAIN, OutboxState.PENDING, OutboxState.DEAD}),
    (OutboxState.SENDING, Step.REFUSED): frozenset({OutboxState.PENDING, OutboxState.DEAD}),
    (OutboxState.PENDING, Step.DEAD): frozenset({OutboxState.PENDING, OutboxState.DEAD}),
    (OutboxState.SENDING, Step.DEAD): frozenset({OutboxState.PENDING, OutboxState.DEAD}),
    (OutboxState.UNCERTAIN, Step.DEAD): frozenset({OutboxState.PENDING, OutboxState.DEAD}),
}


def enqueue(entry: OutboxEntry | None, signal: Signal, chat: str) -> OutboxEntry:
    """The entry with `signal` waiting to be said; the same object when it has nothing new to say.

    Args:
        entry: What is stored for this signal and chat, or None.
        signal: Any line of the signal; lines may come twice and in any order.
        chat: Where it is to be said.
    """
    if entry is None:
        return OutboxEntry(chat, signal.signal_id, queue=(signal,))
    if entry.signal_id != signal.signal_id or entry.chat != chat:
        raise InvariantViolation(f"{signal.signal_id} was put to the outbox entry of {entry.signal_id}")
    queue = _queue_with(entry, signal)
    if queue == entry.queue:
        return entry
    if entry.state in (OutboxState.SENT, OutboxState.DEAD):
        return _move(entry, Step.ENQUEUE, OutboxState.PENDING, queue=queue, attempts=0, next_attempt=0)
    return _move(entry, Step.ENQUEUE, entry.state, queue=queue)


def _queue_with(entry: OutboxEntry, signal: Signal) -> tuple[Signal, ...]:
    # What is being said just now keeps its place; what has been said or is known already is not said again.
    in_hand = 1 if entry.state is OutboxState.SENDING else 0
    perhaps_said = entry.queue and (in_hand or entry.digest == _UNKNOWN)
    said = entry.queue[0].revision if perhaps_said else entry.delivered_revision
    ending = any(line.kind is SignalKind.EXIT for line in entry.queue)
    known = any(line.revision == signal.revision for line in entry.queue)
    if signal.revision <= said or known or (ending and signal.kind is SignalKind.UPDATE):
        return entry.queue
    waiting = sorted((*entry.queue[in_hand:], signal), key=lambda line: line.revision)
    newest = waiting[-1].revision
    kept = [line for line in waiting if line.kind is not SignalKind.UPDATE or line.revision == newest]
    return (*entry.queue[:in_hand], *kept)


def is_due(entry: OutboxEntry, now: int) -> bool:
    """Whether a request for the head of the queue may begin at `now` (ms UTC)."""
    waiting = entry.state in (OutboxState.PENDING, OutboxState.UNCERTAIN)
    return waiting and bool(entry.queue) and entry.next_attempt <= now


def rank(entry: OutboxEntry) -> tuple[int, int, str]:
    """Sorts unfinished entries: exits before entries before updates, then the oldest first."""
    head = _head(entry)
    return _PRIORITY[head.kind], head.time, entry.signal_id


def begin(entry: OutboxEntry, now: int) -> OutboxEntry:
    """The head of the queue is about to be requested; store the result before the request is written."""
    _head(entry)
    if entry.next_attempt > now:
        raise InvariantViolation(f"outbox entry {entry.signal_id} is not due before {entry.next_attempt}")
    return _move(entry, Step.BEGIN, OutboxState.SENDING)


def delivered(entry: OutboxEntry, message_id: int, digest: str) -> OutboxEntry:
    """The head stands in the chat as message `message_id`, with this digest of text and buttons."""
    head, rest = _head(entry), entry.queue[1:]
    return _move(
        entry,
        Step.DELIVERED,
        OutboxState.PENDING if rest else OutboxState.SENT,
        message_id=message_id,
        delivered_revision=head.revision,
        digest=digest,
        queue=rest,
        attempts=0,
        next_attempt=0,
        last_error="",
    )


def retry_later(entry: OutboxEntry, not_before: int, error: str) -> OutboxEntry:
    """The request was not carried out, for certain: make it again at `not_before` (ms UTC) or later."""
    return _move(entry, Step.RETRY_LATER, OutboxState.PENDING, next_attempt=not_before, last_error=_line(error))


def uncertain(entry: OutboxEntry, not_before: int, error: str) -> OutboxEntry:
    """The request was written and no answer was read (see rule 4)."""
    if entry.message_id is None and is_possible_repeat(entry):
        return _without_head(entry, Step.UNCERTAIN, f"no answer twice, it may have been delivered: {error}")
    return _move(
        entry,
        Step.UNCERTAIN,
        OutboxState.UNCERTAIN,
        digest=_UNKNOWN,
        attempts=entry.attempts + 1,
        next_attempt=not_before,
        last_error=_line(error),
    )


def refused(entry: OutboxEntry, reason: str, not_before: int, error: str) -> OutboxEntry:
    """The chat service said no, with one of the reasons of `shared.ports.Notifier`.

    A message that is gone or cannot be edited is sent anew at once. Anything else is for the operator to mend and is
    tried again at `not_before` (ms UTC), `MAX_ATTEMPTS` times.
    """
    if entry.message_id is not None and reason in ("not_found", "not_editable"):
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
    return entry.message_id is None and entry.digest == _UNKNOWN


def digest_of(text: str, *buttons: str) -> str:
    """Digest by which two messages with the same text and buttons are known to be the same."""
    return sha256("\0".join((text, *buttons)).encode("utf-8", "replace")).hexdigest()[:32]


def _head(entry: OutboxEntry) -> Signal:
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
        digest=entry.digest if entry.message_id is not None else "",
        attempts=0,
        next_attempt=0,
        last_error=_line(error),
    )


def _move(entry: OutboxEntry, step: Step, target: OutboxState, **changes: object) -> OutboxEntry:
    if target not in TRANSITIONS.get((entry.state, step), ()):
        raise InvariantViolation(f"outbox entry {entry.signal_id}: {step} leads from {entry.state} to no {target}")
    return replace(entry, state=target, **changes)  # type: ignore[arg-type]  # the callers name real fields


def _line(error: str) -> str:
    return " ".join(error.split())[:_LONGEST_ERROR]
