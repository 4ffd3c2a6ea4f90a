"""Lines of a recorder in, JSON frames out: a frame may follow the local time of its arrival."""

import re
from collections.abc import Iterable, Iterator

from shared.adapters.wire.read_report import ReadReport

# A frame alone, after nanoseconds and a blank, or after seconds, a colon and a blank.
_LINE = re.compile(r"\s*(?:[0-9]+(?:\.[0-9]+)?:?\s+)?(\{.*)")


def frame_of(line: str) -> str | None:
    """The JSON object of a recorder's line; None where the line is something else (a note, an address)."""
    found = _LINE.fullmatch(line)
    return found.group(1) if found else None


def frames(lines: Iterable[str], report: ReadReport) -> Iterator[str]:
    """The frames in a recording; lines without one are counted as ``text``."""
    for line in report.follow(lines):
        frame = frame_of(line)
        if frame is None:
            report.skipped["text"] += 1
        else:
            yield frame
