"""Rows and frames read in, counts and places out: what a reader of recorded files tells about the input.

One report accompanies the whole input, however many files it has; readers change it as they go.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from shared.errors import InvalidInput

_SHOWN = 60
_LISTED = 10


@dataclass(slots=True)
class ReadReport:
    """Where the reader stands, and what it passed over.

    Attributes:
        file: The file being read, as errors name it.
        line: Number of the line being read, from 1.
        skipped: Frames that held no trade, by kind (``orderbook``, ``pong``, ``foreign`` ...).
        symbols: Symbols that the input names, wanted or not; empty where the format names none.
    """

    file: str = ""
    line: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    symbols: set[str] = field(default_factory=set)

    def for_file(self, name: str) -> "ReadReport":
        """A report with its own place, whose counts are also this one's."""
        return ReadReport(name, skipped=self.skipped, symbols=self.symbols)

    def follow(self, lines: Iterable[str]) -> Iterator[str]:
        """The same lines without blank ones, while `line` keeps their number."""
        for self.line, text in enumerate(lines, start=1):
            if text.strip():
                yield text

    def broken(self, value: object, fault: str) -> InvalidInput:
        """The error for a value of the present line: names the file, the line, the value and the cure."""
        text = str(value)
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        return InvalidInput(f"{self.file}, line {self.line}: {shown!r}: {fault}")

    def listed_symbols(self) -> str:
        """The symbols found, sorted, for people; long lists are cut."""
        found = sorted(self.symbols)
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        return ", ".join(found[:_LISTED]) + more
