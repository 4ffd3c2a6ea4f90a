"""A wished entry and what a book remembers in; whether it is made, and what its decision record says besides, out.

The answer is a function of the book and the candle alone. What was refused waits in the book until it is kept
elsewhere, like a signal that waits to be published: whatever dies, each near miss is kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from shared.domain.book import Book
from shared.domain.exit_rules import ProtectionRules
from shared.domain.near_miss import NearMiss, Refusal
from shared.domain.signal import Side, Signal
from shared.engine.bias_gate import Gate, GateLimits, GateState, verdict
from shared.engine.paper_account import position_share
from shared.engine.protections import Quiet

_STATE = "near_misses"


class EntryPolicy(NamedTuple):
    """What is asked of every entry, whichever strategy wishes for it.

    Attributes:
        gate: How the macro bias is read; None where none is looked at: the record then says nothing of it.
        risk: Share of the equity that one stop loss may cost, for the advised size; 0 for no advice.
    """

    gate: GateLimits | None = None
    risk: float = 0.0


ASK_NOTHING = EntryPolicy()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it.

    Attributes:
        refusal: What refuses the entry; None when it is made.
        words: Why it is refused.
        record: What the decision record says besides: ``macro``, and ``size`` of an entry that is made.
    """

    refusal: Refusal | None = None
    words: str = ""
    record: dict[str, Any] = field(default_factory=dict)


def check(line: Signal, quiet: Quiet, rules: ProtectionRules, memory: GateState, policy: EntryPolicy) -> Answer:
    """Whether the entry of `line` is made.

    Args:
        line: The entry as it would be said.
        quiet: Memory of the protections.
        rules: The strategy's protections.
        memory: Memory of the gate.
        policy: See there.
    """
    record: dict[str, Any] = {}
    said = None if policy.gate is None else verdict(memory, line.side, line.time, policy.gate)
    if said is not None:
        record["macro"] = said.record()
    if quiet.candles:
        return Answer(Refusal.PROTECTED, _protected(quiet, rules), record)
    if said is not None and said.gate is Gate.BLOCKED:
        return Answer(Refusal.MACRO, said.words, record)
    if policy.risk:
        record["size"] = _size(line, policy.risk, 1.0 if said is None else said.size)
    return Answer(record=record)


def near_miss(line: Signal, answer: Answer, refusal: Refusal) -> NearMiss:
    """The refused entry of `line`, to be remembered."""
    return NearMiss(
        strategy=line.strategy,
        exchange=line.exchange,
        symbol=line.symbol,
        side=line.side,
        open_time=line.open_time,
        time=line.time,
        price=line.price,
        take_profit=line.take_profit,
        stop_loss=line.stop_loss,
        refusal=refusal,
        words=answer.words,
        decision=line.decision | answer.record,
    )


def unkept(book: Book) -> tuple[NearMiss, ...]:
    """The near misses that are not known to be kept elsewhere."""
    return tuple(
        NearMiss(**{**miss, "side": Side(miss["side"]), "refusal": Refusal(miss["refusal"])})
        for miss in book.state.get(_STATE, ())
    )


def with_unkept(state: Mapping[str, Any], misses: Iterable[NearMiss]) -> dict[str, Any]:
    """A book's state in which these wait; nothing is added where none does."""
    plain = [asdict(miss) | {"side": miss.side.value, "refusal": miss.refusal.value} for miss in misses]
    rest = {name: value for name, value in state.items() if name != _STATE}
    return rest | {_STATE: plain} if plain else rest


def _protected(quiet: Quiet, rules: ProtectionRules) -> str:
    causes = []
    if rules.cooldown:
        causes.append(f"cooldown of {rules.cooldown} after an exit")
    if rules.guard_stops:
        causes.append(f"pause of {rules.guard_pause} after {rules.guard_stops} losing stops in a row")
    return f"candles left without an entry, this one included: {quiet.candles} ({', '.join(causes)})"


def _size(line: Signal, risk: float, gate: float) -> dict[str, float]:
    """Advice, in percent of the equity; figures as people read them, 4 decimals."""
    share = position_share(line.entry_price, line.stop_loss, risk) * gate
    return {
        "size_pct": round(100 * share, 4),
        "risk_pct": round(100 * risk, 4),
        "stop_distance_pct": round(100 * abs(line.entry_price - line.stop_loss) / line.entry_price, 4),
        "gate": gate,
    }
