"""Every signal line, book and outbox entry in, what is wrong with them out: lost, doubled, impossible or edited.

A signal has its receipts when its lines are a story that can have happened (one entry, revisions without a gap, one
exit, no second position meanwhile), when the hash chain of its book is intact, and when every chat has been told the
newest of them, or was too late to be told at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from shared.domain.book import Book, BookKey
from shared.domain.outbox_entry import OutboxEntry, OutboxState
from shared.domain.shadow import is_shadow
from shared.domain.signal import Signal, SignalKind, signal_id
from shared.engine.hash_chain import check_chain, digest


@dataclass(slots=True)
class LedgerAudit:
    """What was found. The lists hold one line for people each.

    Attributes:
        signals: Distinct signals.
        lines: Lines about them.
        open: Signals without an exit.
        told: Signal and chat pairs whose newest line stands in the chat.
        expired: Pairs that were too old to be told.
        waiting: Pairs that still have something to say.
        lost: Pairs that will never be told.
        doubled: Messages that stand for more than one signal, and lines that are in the log twice.
        broken: Stories that cannot have happened.
        chained: Lines that the hash chain of their book speaks for.
        unchained: Lines from before there was a chain: nothing proves them.
        forged: What has been done to the log since the lines were said.
        heads: Hash of the last line of each book, to be noted elsewhere.
    """

    signals: int = 0
    lines: int = 0
    open: int = 0
    told: int = 0
    expired: int = 0
    waiting: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    chained: int = 0
    unchained: list[str] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is lost, doubled, broken or forged. What waits is no fault."""
        return not (self.lost or self.doubled or self.broken or self.forged)


def audit(
    lines: Sequence[Signal],
    books: Iterable[Book],
    entries: Mapping[tuple[str, str], OutboxEntry],
    chats: Iterable[str],
    noted: Iterable[str] = (),
) -> LedgerAudit:
    """Check the whole log.

    Args:
        lines: Every line there is, in any order.
        books: Every book there is.
        entries: Outbox entries by chat and signal id.
        chats: Every chat that gets the signals.
        noted: Hashes of lines that were noted elsewhere. A chain that was written anew from an earlier line on has
            none of them.
    """
    found = LedgerAudit(lines=len(lines))
    stories: dict[str, list[Signal]] = defaultdict(list)
    for line in lines:
        stories[line.signal_id].append(line)
    found.signals = len(stories)
    for story in stories.values():
        story.sort(key=lambda line: line.revision)
        _check_story(story, found)
    _check_overlaps(stories.values(), found)
    _check_chains(lines, books, found)
    known = {digest(line) for line in lines} if noted else set()
    found.forged += [f"noted {hash_}: no line has this hash now" for hash_ in noted if hash_ not in known]
    for chat in dict.fromkeys(chats):
        for name, story in stories.items():
            if is_shadow(story[0].strategy):
                continue  # nobody is told, so there is no receipt
            _check_receipt(chat, name, story[-1], entries.get((chat, name)), found)
    _check_messages(entries.values(), found)
    return found


def _check_story(story: Sequence[Signal], found: LedgerAudit) -> None:
    first, name = story[0], story[0].signal_id
    revisions = [line.revision for line in story]
    if len(set(revisions)) < len(revisions):
        found.doubled.append(f"{name}: a revision is in the log twice: {revisions}")
    elif revisions != list(range(len(revisions))):
        found.broken.append(f"{name}: revisions {revisions} have a gap")
    if first.kind is not SignalKind.ENTRY:
        found.broken.append(f"{name}: begins with {first.kind}")
    if name != signal_id(first.strategy, first.symbol, first.open_time, first.side):
        found.broken.append(f"{name}: is no id of its entry, opened {first.open_time} {first.side}")
    if any(later.time < earlier.time for earlier, later in pairwise(story)):
        found.broken.append(f"{name}: its lines go back in time")
    exits = {(line.time, line.price, line.reason) for line in story if line.kind is SignalKind.EXIT}
    if len(exits) > 1:
        found.doubled.append(f"{name}: ended {len(exits)} times")
    found.open += not exits


def _check_overlaps(stories: Iterable[Sequence[Signal]], found: LedgerAudit) -> None:
    """One open position for each strategy and instrument."""
    places: dict[tuple[str, str, str], list[Sequence[Signal]]] = defaultdict(list)
    for story in stories:
        places[story[0].strategy, story[0].exchange, story[0].symbol].append(story)
    for place in places.values():
        place.sort(key=lambda story: story[0].time)
        for earlier, later in pairwise(place):
            ends = [line.time for line in earlier if line.kind is SignalKind.EXIT]
            if not ends or later[0].time < ends[0]:
                found.broken.append(f"{later[0].signal_id}: was opened while {earlier[0].signal_id} was open")


def _check_chains(lines: Iterable[Signal], books: Iterable[Book], found: LedgerAudit) -> None:
    """A line whose book is gone is looked at as if the book knew none."""
    said: dict[BookKey, list[Signal]] = defaultdict(list)
    for line in lines:
        said[BookKey(line.strategy, line.exchange, line.symbol)].append(line)
    heads = {book.key: book.head for book in books}
    for key in sorted({*said, *heads}):
        name, head = "/".join(key), heads.get(key, "")
        chain = check_chain(said[key], head, f"book {name}")
        found.chained += chain.chained
        found.unchained += chain.unchained
        found.forged += chain.faults
        if head:
            found.heads[name] = head


def _check_receipt(chat: str, name: str, newest: Signal, entry: OutboxEntry | None, found: LedgerAudit) -> None:
    if entry is None:
        found.waiting.append(f"{name}: not taken in for {chat} yet")
    elif entry.state is OutboxState.EXPIRED:
        found.expired += 1
    elif entry.state is OutboxState.DEAD:
        found.lost.append(f"{name}: given up in {chat}: {entry.last_error}")
    elif entry.state is OutboxState.SENT and entry.delivered_revision >= newest.revision:
        found.told += 1
        if entry.message_id is None:
            found.lost.append(f"{name}: counts as told in {chat}, but no message is known")
    else:
        found.waiting.append(f"{name}: revision {newest.revision} is {entry.state} in {chat}")


def _check_messages(entries: Iterable[OutboxEntry], found: LedgerAudit) -> None:
    owners: dict[tuple[str, int], str] = {}
    for entry in entries:
        if entry.message_id is None:
            continue
        owner = owners.setdefault((entry.chat, entry.message_id), entry.signal_id)
        if owner != entry.signal_id:
            found.doubled.append(f"message {entry.message_id} in {entry.chat} stands for {owner} and {entry.signal_id}")
