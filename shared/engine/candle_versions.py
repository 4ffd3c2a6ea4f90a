"""Candles that a book takes, and later versions of them, in; which of its decisions rest on old data out.

Rule 1: a candle is a surprise when a version newer than the one the strategy took is stored. One that was healed before
    it was taken is none.
Rule 2: what is promised (a mark on the signals so far) is stored with the book before the first of those lines is
    written: whatever dies in between, the same lines are said again, under the same revisions.
Rule 3: the strategy is not asked again. It goes on with what it took, so an entry that comes later is marked too, until
    the strategy starts anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.domain.book import Book
from shared.domain.candle import Candle
from shared.domain.signal import Signal

_STATE = "candle_versions"
_KEPT = 240  # a book is stored with every candle, so it stays small


@dataclass(frozen=True, slots=True)
class CandleVersions:
    """What a book knows of the versions of its candles. Times are open times, ms UTC.

    Attributes:
        known: Newest revision known, by open time, of candles taken; only where it is not 0, the newest of them.
        old: Candles that the strategy remembers in an older version.
        unmarked: Those of them whose mark is promised to the signals said so far.
        position: What the newest line about the open position names as revised.
    """

    known: dict[int, int]
    old: tuple[int, ...] = ()
    unmarked: tuple[int, ...] = ()
    position: tuple[int, ...] = ()

    @classmethod
    def of(cls, state: dict[str, Any]) -> "CandleVersions":
        """Read from a book's state."""
        stored = state.get(_STATE, {})
        known = {int(time): revision for time, revision in stored.get("known", {}).items()}
        return cls(known, *(tuple(stored.get(name, ())) for name in ("old", "unmarked", "position")))

    def add_to(self, state: dict[str, Any]) -> dict[str, Any]:
        """`state` with this in it; nothing is added while there is nothing to tell."""
        told: dict[str, Any] = {"known": {str(time): revision for time, revision in self.known.items()}}
        told |= {name: list(getattr(self, name)) for name in ("old", "unmarked", "position")}
        told = {name: value for name, value in told.items() if value}
        rest = {name: value for name, value in state.items() if name != _STATE}
        return rest | {_STATE: told} if told else rest

    def taken(self, candle: Candle) -> "CandleVersions":
        """The strategy has taken `candle`, in this version."""
        return replace(self, known=self._with(candle)) if candle.revision else self

    def started_anew(self) -> "CandleVersions":
        """The strategy has an empty memory: it remembers no old version of anything."""
        return replace(self, old=()) if self.old else self

    def changed(self, candle: Candle) -> "CandleVersions":
        """A candle that was taken is stored as `candle` now; the same object when that is no news."""
        if candle.revision <= self.known.get(candle.open_time, 0):
            return self
        old, unmarked = (tuple(sorted({*times, candle.open_time}))[-_KEPT:] for times in (self.old, self.unmarked))
        return replace(self, known=self._with(candle), old=old, unmarked=unmarked)

    def _with(self, candle: Candle) -> dict[int, int]:
        known = self.known | {candle.open_time: candle.revision}
        return dict(sorted(known.items())[-_KEPT:])


def note_changes(book: Book, candles: Sequence[Candle]) -> Book:
    """The book that promises marks for those of `candles` (stored versions, in any order) that came as a surprise.

    The very same object when none did: a message may come twice, and a candle that is not evaluated yet will be
    evaluated as it is stored.
    """
    stored = versions = CandleVersions.of(book.state)
    for candle in candles:
        if candle.instrument == book.key.instrument and candle.complete and candle.open_time <= book.evaluated_to:
            versions = versions.changed(candle)
    return book if versions is stored else replace(book, state=versions.add_to(book.state))


def unmarked(book: Book) -> tuple[int, ...]:
    """Open times (ms UTC) of the candles whose marks are promised."""
    return CandleVersions.of(book.state).unmarked


def with_marks(book: Book, lines: Sequence[Signal]) -> Book:
    """The book that says the promised `lines`; the open position counts on from its own."""
    versions = replace(CandleVersions.of(book.state), unmarked=())
    position = book.position
    for line in lines:
        if position is not None and line.signal_id == position.signal_id:
            position = replace(position, revision=line.revision)
            versions = replace(versions, position=line.data_revised)
    return replace(book, state=versions.add_to(book.state), position=position, unpublished=(*book.unpublished, *lines))
