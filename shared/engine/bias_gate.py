"""Macro biases and the time in, whether an entry may pass and at which size out: a memory with hysteresis.

A book carries the memory by which its next candles are judged, and takes a newer one over only behind the candles it
has taken. So a verdict is a function of the stored book and the candle: whoever asks again is told the same.

A direction becomes active at one confidence and is released below a smaller one, so a confidence that trembles around a
threshold does not open and close the gate at each step. Whatever is not renewed in time decays to neutral.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from shared.domain.book import Book
from shared.domain.macro_bias import BiasDirection, MacroBias
from shared.domain.signal import Side
from shared.errors import InvalidInput

_STATE = "macro"


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What the operator decides.

    Attributes:
        activate: Confidence (0 to 100) from which a direction becomes active.
        release: Confidence below which an active direction is released; at most `activate`.
        neutral_size: Share of the usual size (0 to 1) while no direction is active.

    Raises:
        InvalidInput: A value is out of range; the text names it and the cure.
    """

    activate: float = 80.0
    release: float = 70.0
    neutral_size: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.release <= self.activate <= 100:  # noqa: PLR2004 - percent
            raise InvalidInput(
                f"release {self.release:g} and activate {self.activate:g}: 0 <= release <= activate <= 100 is needed"
            )
        if not 0 <= self.neutral_size <= 1:
            raise InvalidInput(f"neutral_size {self.neutral_size:g} is not between 0 and 1")


class GateState(NamedTuple):
    """Memory of the gate of one instrument; plain JSON values, so it can be kept in a book.

    Attributes:
        active: The active direction; NEUTRAL when there is none.
        confidence: Of the newest bias.
        time: When the newest bias was made, ms UTC; 0 before the first. Older ones change nothing.
        expires_at: ms UTC from which on the newest bias says nothing.
        bias_id: Names the newest bias, for the decision record.
    """

    active: BiasDirection = BiasDirection.NEUTRAL
    confidence: float = 0.0
    time: int = 0
    expires_at: int = 0
    bias_id: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "GateState":
        """Read what ``_asdict`` gave, also after it was JSON; nothing gives the empty memory."""
        return cls(**{**values, "active": BiasDirection(values.get("active", BiasDirection.NEUTRAL))})


class Gate(StrEnum):
    """What the gate says to an entry."""

    BLOCKED = "blocked"
    ALIGNED = "aligned"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one entry.

    Attributes:
        gate: BLOCKED entries are not made.
        size: Share of the usual size: 0 when blocked, 1 when aligned, the neutral size otherwise.
        words: Why, in one line, for the decision record.
        direction: The active direction; NEUTRAL when there is none.
        confidence: Of the newest bias, 0 to 100; 0 before the first.
        bias_id: The bias it rests on; empty when there is none.
    """

    gate: Gate
    size: float
    words: str
    direction: BiasDirection = BiasDirection.NEUTRAL
    confidence: float = 0.0
    bias_id: str = ""

    def record(self) -> dict[str, Any]:
        """What the decision record says of it: plain JSON values by the names above."""
        return asdict(self) | {"gate": self.gate.value, "direction": self.direction.value}


START = GateState()


def step(state: GateState, bias: MacroBias, limits: GateLimits) -> GateState:
    """Take a bias. One that is not newer than the last changes nothing, so repeated and late messages do no harm."""
    if bias.time <= state.time:
        return state
    before = state.active if bias.time < state.expires_at else BiasDirection.NEUTRAL
    return GateState(_active(before, bias, limits), bias.confidence, bias.time, bias.expires_at, bias.bias_id)


def verdict(state: GateState, side: Side, now: int, limits: GateLimits) -> Verdict:
    """Whether an entry on `side` at `now` (ms UTC, market time) may pass."""
    if state.time == 0:
        return Verdict(Gate.NEUTRAL, limits.neutral_size, "no macro bias has come yet")
    say = partial(Verdict, confidence=state.confidence, bias_id=state.bias_id)
    if now >= state.expires_at:
        words = f"the macro bias is stale: it ran out {(now - state.expires_at) // 60_000} min ago"
        return say(Gate.NEUTRAL, limits.neutral_size, words)
    if state.active is BiasDirection.NEUTRAL:
        words = f"no macro direction is active (confidence {state.confidence:g}, active from {limits.activate:g})"
        return say(Gate.NEUTRAL, limits.neutral_size, words)
    words = f"the macro bias is {state.active} (confidence {state.confidence:g}, kept down to {limits.release:g})"
    if state.active.value == side.value:
        return say(Gate.ALIGNED, 1.0, words, state.active)
    return say(Gate.BLOCKED, 0.0, f"{words}, against a {side} entry", state.active)


def remembered(book: Book) -> GateState:
    """The memory by which the book's next candles are judged."""
    return GateState.of(book.state.get(_STATE, {}))


def adopt(book: Book, state: GateState) -> Book:
    """The book whose next candles are judged by `state`; the very same object when that is not newer than its own."""
    if state.time <= remembered(book).time:
        return book
    return replace(book, state=with_memory(book.state, state))


def with_memory(state: Mapping[str, Any], memory: GateState) -> dict[str, Any]:
    """A book's state with this memory in it; nothing is added before the first bias."""
    rest = {name: value for name, value in state.items() if name != _STATE}
    return rest | {_STATE: memory._asdict() | {"active": memory.active.value}} if memory.time else rest


def _active(before: BiasDirection, bias: MacroBias, limits: GateLimits) -> BiasDirection:
    """The direction that is active after `bias`, when `before` was active until then."""
    needed = limits.release if bias.direction is before else limits.activate
    return bias.direction if bias.confidence >= needed else BiasDirection.NEUTRAL
