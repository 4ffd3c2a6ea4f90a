"""What should have come of a recording and what did come in, every difference by name out. Pure.

A healed candle has no inside, so the exit that a calm run decides within a minute may be decided at its end: that is
counted by itself and is no difference. Where both levels lie in such a minute their order is unknown and the loss
counts: that is a difference of another kind, counted by itself, too.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from shared.domain.candle import Candle
from shared.domain.signal import Signal, SignalKind

_VALUES = ("open", "high", "low", "close", "quantity", "turnover")
_PROOF = ("lost", "doubled", "given_up", "wrong_candles", "missing_signals", "extra_signals", "wrong_signals")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a recording: candles of one symbol, and lines of signals."""

    candles: Sequence[Candle]
    lines: Sequence[Signal]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the channel shows of one signal.

    Attributes:
        messages: How many messages about it were posted.
        marked: Of these, those that said "possible repeat" when they were posted.
        ended: Whether one of them shows the exit.
    """

    messages: int
    marked: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts, and the differences in words.

    Attributes:
        lost: Entries and exits of the calm run that the channel does not show.
        doubled: Messages about a signal beyond the first that do not say that they may be a repeat.
        given_up: Like `lost`, but the outbox says that it was given up, and why.
        wrong_candles: Minutes whose candle is missing, incomplete or of other values.
        missing_signals: Entries and exits that only the calm run decided.
        extra_signals: Entries and exits that only the disturbed run decided.
        wrong_signals: Decided by both, with another price, level or reason.
        ambiguous_differences: Exits that differ because the inside of a healed minute is unknown.
        exits_at_another_time: Equal exits, decided at another moment of their minute.
        possible_repeats: Messages that said so.
        differences: Every difference in one line, candles first.
    """

    lost: int
    doubled: int
    given_up: int
    wrong_candles: int
    missing_signals: int
    extra_signals: int
    wrong_signals: int
    ambiguous_differences: int
    exits_at_another_time: int
    possible_repeats: int
    differences: tuple[str, ...]

    @property
    def proven(self) -> bool:
        """Whether nothing was lost, doubled, given up, or decided differently without a named reason."""
        return not any(getattr(self, name) for name in _PROOF)


@dataclass(slots=True)
class _Notes:
    """Counts by name of the verdict's fields, and texts."""

    counts: dict[str, int]
    texts: list[str]

    def add(self, name: str, text: str) -> None:
        self.counts[name] += 1
        self.texts.append(f"{name}: {text}")


def judge(calm: Outcome, disturbed: Outcome, shown: Mapping[str, Shown], given_up: Collection[str]) -> Verdict:
    """Compare.

    Args:
        calm: The truth; all its candles must be complete.
        disturbed: What the disturbed run stored.
        shown: The channel by signal id.
        given_up: Ids of signals with a message that the outbox has given up.
    """
    notes = _Notes({field.name: 0 for field in fields(Verdict) if field.name != "differences"}, [])
    _compare_candles(calm.candles, disturbed.candles, notes)
    truth, said = _by_place(calm.lines), _by_place(disturbed.lines)
    _compare_lines(truth, said, notes)
    _look_at_channel(truth, shown, given_up, notes)
    return Verdict(**notes.counts, differences=tuple(notes.texts))


def _compare_candles(calm: Iterable[Candle], disturbed: Iterable[Candle], notes: _Notes) -> None:
    stored = {candle.open_time: candle for candle in disturbed}
    for candle in calm:
        found = stored.get(candle.open_time)
        if found is None:
            notes.add("wrong_candles", f"{candle.symbol} {candle.open_time} is missing")
        elif not found.complete:
            notes.add("wrong_candles", f"{candle.symbol} {candle.open_time} is incomplete")
        else:
            wrong = [name for name in _VALUES if getattr(found, name) != getattr(candle, name)]
            texts = [f"{name} {getattr(found, name)} instead of {getattr(candle, name)}" for name in wrong]
            if texts:
                notes.add("wrong_candles", f"{candle.symbol} {candle.open_time} has {', '.join(texts)}")


def _by_place(lines: Iterable[Signal]) -> dict[tuple[str, SignalKind], Signal]:
    """Entry and exit of each signal; of lines that were said again, the first."""
    found: dict[tuple[str, SignalKind], Signal] = {}
    for line in sorted(lines, key=lambda line: line.revision):
        if line.kind is not SignalKind.UPDATE:
            found.setdefault((line.signal_id, line.kind), line)
    return found


def _compare_lines(
    truth: Mapping[tuple[str, SignalKind], Signal], said: Mapping[tuple[str, SignalKind], Signal], notes: _Notes
) -> None:
    for (signal_id, kind), line in truth.items():
        other = said.get((signal_id, kind))
        if other is None:
            notes.add("missing_signals", f"{kind} of {signal_id}")
        elif _content(line) != _content(other):
            unknown_inside = kind is SignalKind.EXIT and (line.ambiguous or other.ambiguous)
            name = "ambiguous_differences" if unknown_inside else "wrong_signals"
            notes.add(name, f"{kind} of {signal_id}: {_content(other)} instead of {_content(line)}")
        elif kind is SignalKind.EXIT and line.time != other.time:
            notes.counts["exits_at_another_time"] += 1
    for signal_id, kind in said.keys() - truth.keys():
        notes.add("extra_signals", f"{kind} of {signal_id}")


def _content(line: Signal) -> tuple[float, float, float, str]:
    return line.price, line.take_profit, line.stop_loss, line.reason or ""


def _look_at_channel(
    truth: Mapping[tuple[str, SignalKind], Signal],
    shown: Mapping[str, Shown],
    given_up: Collection[str],
    notes: _Notes,
) -> None:
    for signal_id, kind in truth:
        there = shown.get(signal_id)
        if there is None or (kind is SignalKind.EXIT and not there.ended):
            notes.add("given_up" if signal_id in given_up else "lost", f"{kind} of {signal_id} is not in the channel")
    for signal_id, there in shown.items():
        again = there.messages - there.marked - 1
        notes.counts["possible_repeats"] += there.marked
        if again > 0:
            notes.add("doubled", f"{signal_id} has {again} messages too many")
            notes.counts["doubled"] += again - 1


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that at least `percent` of all values do not exceed (nearest rank); 0 of nothing."""
    if not values:
        return 0.0
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]
