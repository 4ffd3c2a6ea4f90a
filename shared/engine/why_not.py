"""A strategy, stored candles and the lines of its book in, every gate of a candle with its verdict out.

The strategy is asked itself, over as much history as makes its memory that of the live one; what a book would say (a
position is open, the protections are on) is made of the lines that were logged. So any stored minute can be asked
about, however long ago it was.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from shared.domain.candle import Candle
from shared.domain.exit_rules import ProtectionRules
from shared.domain.near_miss import NearMiss, Refusal
from shared.domain.signal import ExitReason, Signal, SignalKind
from shared.engine.candle_sequence import stretch_to
from shared.engine.protections import START, Quiet, after_exit
from shared.strategies.explanation import Explains, Explanation, Gate
from shared.strategies.strategy import Strategy

HISTORY = 2
"""Warm-ups of history before a candle: what is left of the seed of an RSI is then below the last bit of a float."""


@dataclass(frozen=True, slots=True)
class Account:
    """Why there was an entry on a candle, or why not.

    Attributes:
        candle: The candle.
        sides: The strategy's gates of each direction; empty where it could not be asked.
        book: Gates that any entry has to pass besides.
    """

    candle: Candle
    sides: tuple[Explanation, ...]
    book: tuple[Gate, ...]

    @property
    def entry(self) -> Explanation | None:
        """The direction in which everything was passed, if any."""
        clear = all(gate.passed for gate in self.book)
        return next((side for side in self.sides if side.is_entry and clear), None)

    @property
    def near_misses(self) -> list[tuple[Explanation, Gate]]:
        """Each direction in which exactly one gate failed, with that gate."""
        asked = [Explanation(side.side, (*side.gates, *self.book)) for side in self.sides]
        return [
            (side, next(gate for gate in side.gates if gate.passed is False)) for side in asked if side.is_near_miss
        ]


def account(strategy: Strategy, candles: Sequence[Candle], candle: Candle, book: Iterable[Gate]) -> Account:
    """Why, or why not, on one candle.

    Args:
        strategy: With empty memory.
        candles: Ascending, up to `candle` at least; `HISTORY` times the strategy's warm-up before it is enough.
        candle: As it is stored.
        book: See `book_gates`.
    """
    stretch = stretch_to(candles, candle.open_time)
    for taken in stretch:
        strategy.on_candle(taken)
    ready = (
        Gate("complete", None, None, candle.complete, "every trade of the candle is known"),
        Gate(
            "warm_up", len(stretch), strategy.warm_up, strategy.seen >= strategy.warm_up,
            "candles without a hole up to this one: at least it",
        ),
    )  # fmt: skip
    return Account(candle, _explained(strategy), (*ready, *book))


def accounts(make: Callable[[], Strategy], candles: Sequence[Candle]) -> list[Account]:
    """Every candle on which the strategy got as far as an entry or a near miss, without the gates of the book.

    Args:
        make: Makes the strategy with empty memory; it starts anew behind a hole.
        candles: Ascending.
    """
    found: list[Account] = []
    strategy, expected = make(), 0
    for candle in candles:
        if candle.open_time != expected or not candle.complete:
            strategy = make()
        expected = candle.open_time + candle.timeframe.millis
        if not candle.complete:
            continue
        strategy.on_candle(candle)
        sides = _explained(strategy)
        if any(side.is_entry or side.is_near_miss for side in sides):
            found.append(Account(candle, sides, ()))
    return found


def _explained(strategy: Strategy) -> tuple[Explanation, ...]:
    return strategy.explain() if isinstance(strategy, Explains) else ()


def book_gates(
    lines: Sequence[Signal], rules: ProtectionRules, candle: Candle, refused: NearMiss | None = None
) -> tuple[Gate, ...]:
    """What an entry at the close of `candle` has to pass besides the strategy's own gates.

    Args:
        lines: Of the book, ascending by time.
        rules: The strategy's protections.
        candle: See there.
        refused: What was noted when an entry on this candle was refused, if it was.
    """
    before = [line for line in lines if line.entry_time < candle.close_time]
    exits = {line.signal_id: line for line in before if line.kind is SignalKind.EXIT and line.time <= candle.close_time}
    open_ = {line.signal_id for line in before} - set(exits)
    quiet = _quiet(sorted(exits.values(), key=lambda line: line.time), rules, candle)
    gates = [
        Gate("flat", None, None, not open_, f"no position is open{''.join(f' ({name} is)' for name in sorted(open_))}"),
        Gate("protections", quiet.candles, 0, not quiet.candles, "candles left of a cooldown or pause: none"),
    ]
    if refused is not None and refused.refusal is Refusal.MACRO:
        gates.append(Gate("macro", None, None, passed=False, words=refused.words))
    return tuple(gates)


def _quiet(exits: Iterable[Signal], rules: ProtectionRules, candle: Candle) -> Quiet:
    """Memory of the protections when `candle` closes."""
    quiet, at, millis = START, 0, candle.timeframe.millis
    for time, exit_ in chain(((line.open_time, line) for line in exits), [(candle.open_time, None)]):
        quiet = Quiet(quiet.stops, max(0, quiet.candles - (time - at) // millis))
        at = time
        if exit_ is not None:
            quiet = after_exit(quiet, rules, exit_.reason is ExitReason.STOP_LOSS)
    return quiet
