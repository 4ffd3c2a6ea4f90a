"""Message ids out, what stands there in, and at last whether a message that may have been sent stands in the chat.

A send whose answer was lost was carried out or not. Ids of a chat ascend, so its message, if there is one, has an id
behind the newest that was known when the send began: these ids are looked at, in order, until `GAP` of them in a row do
not exist. That is right as long as nobody deleted `GAP` or more neighbours in the meantime, and as long as the send is
not carried out after the search (the caller waits for it to settle).

A message belongs to the signal when the signal's mark is one of its words; it is the one that was sent when it says the
same words. Another message of the signal (a send of earlier that was given up, its text of an earlier revision) counts
only when the whole search finds nothing better.
"""

from dataclasses import dataclass
from enum import StrEnum

GAP = 10
"""Ids in a row that do not exist, after which there are no more."""


class Verdict(StrEnum):
    """What the search says."""

    SAME = "same"
    OTHER = "other"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """The end of a search.

    Attributes:
        verdict: SAME when the message stands and says what was sent; OTHER when a message of the signal stands that
            says something else; ABSENT when there is none; UNKNOWN when it may be one that may not be looked at.
        newest: Largest id that is known to exist in the chat.
        message_id: The message, for SAME and OTHER.
    """

    verdict: Verdict
    newest: int
    message_id: int | None = None


class MessageProbe:
    """One search.

    Args:
        after: Newest message id known when the send began.
        mark: Word that is in every message of the signal and in no other.
        said: The text that was sent, as people see it; white space does not count.
    """

    def __init__(self, after: int, mark: str, said: str) -> None:
        self._mark = mark
        self._said = said.split()
        self._at = after + 1
        self._newest = after
        self._absent = 0
        self._hidden = False
        self._other: int | None = None
        self._same: int | None = None

    @property
    def wanted(self) -> int | None:
        """The message id to look at next; None when the search is over."""
        return None if self._same is not None or self._absent >= GAP else self._at

    @property
    def finding(self) -> Finding:
        """What the search says once `wanted` is None."""
        if self._same is not None:
            return Finding(Verdict.SAME, self._newest, self._same)
        if self._other is not None:
            return Finding(Verdict.OTHER, self._newest, self._other)
        return Finding(Verdict.UNKNOWN if self._hidden else Verdict.ABSENT, self._newest)

    def saw(self, text: str | None) -> None:
        """The message `wanted` has this text; None where there is no such message."""
        if text is None:
            self._absent += 1
            self._at += 1
            return
        words = text.split()
        if self._mark in words:
            if words == self._said:
                self._same = self._at
            elif self._other is None:
                self._other = self._at
        self._exists()

    def was_refused(self) -> None:
        """The message `wanted` exists but may not be looked at."""
        self._hidden = True
        self._exists()

    def _exists(self) -> None:
        self._newest = self._at
        self._absent = 0
        self._at += 1
