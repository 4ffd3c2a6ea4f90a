"""An outbox entry and a line of its signal in, what waits to be said out (rules 2 and 5 of `shared.engine.outbox`)."""

from shared.domain.notice import NoticeKind
from shared.domain.outbox_entry import Line, LineKind, OutboxEntry, OutboxState

UNKNOWN = "unknown"
"""Stands for the digest of a text that may or may not be in the chat. It equals no digest, so nothing is skipped."""


def may_stand(entry: OutboxEntry) -> bool:
    """Whether the head of the queue was sent, and no answer came: it may stand in the chat."""
    return entry.message_id is None and entry.digest == UNKNOWN


def is_stale(line: Line, now: int, late_ttl: int) -> bool:
    """Whether what the line is about is too old to begin to tell it at `now` (ms UTC); `late_ttl` in ms.

    A signal is as old as its entry. An outage that is not over is never too old.
    """
    if line.signal is not None:
        return now - line.signal.entry_time > late_ttl
    return line.notice is not None and line.notice.kind is NoticeKind.RESUMED and now - line.time > late_ttl


def is_overtaken(entry: OutboxEntry, line: Line) -> bool:
    """Whether the line is the entry of a signal of which nothing is told and only something newer waits."""
    untold = entry.delivered_revision < 0 and bool(entry.queue)
    return untold and line.kind is LineKind.ENTRY and line.revision < entry.queue[0].revision


def queue_with(entry: OutboxEntry, line: Line) -> tuple[Line, ...]:
    """What waits when `line` has come; equal to ``entry.queue`` when it has nothing new to say."""
    # What is being said just now, or may have been sent, keeps its place; what has been said or is known already is not
    # said again.
    in_hand = 1 if entry.queue and (entry.state is OutboxState.SENDING or may_stand(entry)) else 0
    perhaps_said = entry.queue and (in_hand or entry.digest == UNKNOWN)
    said = entry.queue[0].revision if perhaps_said else entry.delivered_revision
    ending = any(waits.kind is LineKind.EXIT for waits in entry.queue)
    known = any(waits.revision == line.revision for waits in entry.queue)
    if line.revision <= said or known or (ending and line.kind is LineKind.UPDATE):
        return entry.queue
    waiting = sorted((*entry.queue[in_hand:], line), key=lambda waits: waits.revision)
    newest = waiting[-1]
    untold = not in_hand and entry.delivered_revision < 0
    entries = [waits for waits in waiting[:-1] if waits.kind is LineKind.ENTRY] if untold else []
    first = entries[-1:] if newest.kind is not LineKind.ENTRY else []
    return (*entry.queue[:in_hand], *first, newest)
