"""Lines of one book in, each tied to the one before it by a hash out; and what has been done to them since.

Rule 1: the hash of a line is the SHA-256 of its canonical JSON. That holds what the line says and the hash of the line
    before, so a hash speaks for everything that was said up to it.
Rule 2: fields that hold their default are left out, so a field that is added later changes no old hash.
Rule 3: the book keeps the hash of its last line and is written conditionally: there is one line after each, and a line
    that is made again after a crash is the same line.
Rule 4: lines from before there was a chain are older than its first line and carry no hash. Nothing proves them.

Whoever may write to the store can write a whole new chain, too. A head that was noted elsewhere tells that as well.
"""

import json
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from hashlib import sha256
from math import isfinite
from typing import Any

from shared.domain.signal import Signal

_DEFAULTS = {
    item.name: item.default if item.default_factory is MISSING else item.default_factory() for item in fields(Signal)
}
_FLOATS = {item.name for item in fields(Signal) if item.type in (float, float | None)}


def canonical(line: Signal) -> bytes:
    """The one JSON of a line: keys in order, no blanks, ASCII; floats in the shortest form that keeps every bit.

    It is the same before a line goes through any store and after.
    """
    told = {name: getattr(line, name) for name in _DEFAULTS}
    told |= {name: float(told[name]) for name in _FLOATS if told[name] is not None}
    plain = {name: _plain(value) for name, value in told.items() if value != _DEFAULTS[name]}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _plain(value: Any) -> Any:
    """`value` as stores give it back: JSON has lists for tuples, and null for what is no number."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def digest(line: Signal) -> str:
    """Hash of a line, as the next one carries it: 64 hexadecimal digits."""
    return sha256(canonical(line)).hexdigest()


def tied(head: str, line: Signal) -> tuple[Signal, str]:
    """A new line tied to the end of the chain, and the new head."""
    line = replace(line, previous=head)
    return line, digest(line)


def head_behind(head: str, line: Signal) -> str:
    """The head behind a line that the log has already.

    A line behind the head was logged by a writer that died before it stored its book. Others are in the chain.
    """
    return digest(line) if line.previous == head else head


@dataclass(slots=True)
class ChainAudit:
    """What the chain of one book shows.

    Attributes:
        chained: Lines that the head speaks for.
        unchained: Names of the lines from before the chain.
        faults: What has been done to the log since, one line for people each.
    """

    chained: int = 0
    unchained: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def check_chain(lines: Sequence[Signal], head: str, book: str) -> ChainAudit:
    """Find every line that was changed, removed, inserted or put elsewhere.

    Args:
        lines: All lines of the book, in any order.
        head: Hash of its last line, as the book has it.
        book: Its name, for people.
    """
    found = ChainAudit()
    by_hash = {digest(line): line for line in lines}
    chain = _back_from(head, by_hash)
    found.chained = len(chain)
    followed = {line.previous for line in lines} | {head}
    begin = by_hash[chain[-1]] if chain and not by_hash[chain[-1]].previous else None
    if head and not chain:
        found.faults.append(f"{book}: its last line, {head[:12]}, is not in the log: it was changed or removed")
    for known_as, line in sorted(by_hash.items(), key=lambda item: _order(item[1])):
        if line.previous and line.previous not in by_hash:
            found.faults.append(f"{_name(line)}: the line before it was changed or removed, or itself was")
        if known_as in followed:
            continue
        if not line.previous and _before(line, begin, head):
            found.unchained.append(_name(line))
        else:
            found.faults.append(
                f"{_name(line)}: was changed or inserted, or what followed it is gone: nothing knows it"
            )
    return found


def _back_from(head: str, by_hash: dict[str, Signal]) -> list[str]:
    """Hashes of the lines from the head back to the first, or to the line whose predecessor is gone."""
    chain: list[str] = []
    while head in by_hash:
        chain.append(head)
        head = by_hash[head].previous
    return chain


def _before(line: Signal, begin: Signal | None, head: str) -> bool:
    """Whether a line without a hash may be from before the chain that begins with `begin`."""
    return not head if begin is None else _order(line) < _order(begin)


def _order(line: Signal) -> tuple[int, str, int]:
    return line.time, line.signal_id, line.revision


def _name(line: Signal) -> str:
    return f"{line.signal_id} revision {line.revision}"
