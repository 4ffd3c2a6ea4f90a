"""One book and the candles that are stored in, the next book with its new signals out.

Rule 1: within one candle, exits of the open position come first, over its looks, then by its age at the close; then, if
    flat and not refused (`entry_check`), the strategy's entry.
Rule 2: a candle is taken once, in the order `candle_sequence` gives; a look is taken once.
Rule 3: one open position per book. The strategy sees every complete candle, also while a position is open.
Rule 4: the forming candle serves exits only, and only when it directly follows the last candle taken.
Rule 5: a fresh book says nothing about candles that closed before it went live.

All memory is the book, so a restart changes no value. Strategies are kept between two calls (`warm_strategies`) for no
more than to save reading that memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from shared.domain.book import Book
from shared.domain.candle import Candle, FormingCandle, Look
from shared.domain.exit_rules import ExitRules, ProtectionRules
from shared.domain.signal import ExitReason, Signal
from shared.domain.timeframe import Timeframe
from shared.engine.bias_gate import remembered, with_memory
from shared.engine.candle_sequence import Step, plan, stretch_to
from shared.engine.candle_versions import CandleVersions
from shared.engine.entry_check import ASK_NOTHING, EntryPolicy, check, near_miss, unkept, with_unkept
from shared.engine.exits import Course, at_close, looks_of, through_looks
from shared.engine.hash_chain import tied
from shared.engine.protections import START, Quiet, after_candle, after_exit
from shared.engine.signal_lines import built_on, entry_line, position_of, turn_line
from shared.engine.warm_strategies import WarmStrategies
from shared.strategies.strategy import Entry, Strategy

_REPEATED = ("why", "price_decimals")  # what a result line needs of the entry's decision


class Advance(NamedTuple):
    """What came of one call.

    Attributes:
        book: The next book, with the version it came with; the very same object when nothing has changed.
        evaluated: Complete candles the strategy has taken.
        waiting_for: Open time (ms UTC) of the minute that must be healed or given up first, or None.
        more: Whether `limit` ended the call: candles are left that may be taken at once.
    """

    book: Book
    evaluated: int
    waiting_for: int | None
    more: bool


class StrategyRunner:
    """The machine of one strategy with one parameter set; it serves the books of all instruments that share both.

    Args:
        create: Makes the strategy, with empty memory.
        timeframe: Of the candles.
        hole_patience: See `candle_sequence`.
        live_from: ms UTC. A book that begins now is silent about candles that closed at or before it; the book keeps
            the value, so a restart neither repeats nor swallows anything. 0 for a replay.
        policy: What is asked of entries besides the strategy; by default nothing, as in a replay.
    """

    def __init__(
        self,
        create: Callable[[], Strategy],
        timeframe: Timeframe,
        hole_patience: int,
        live_from: int = 0,
        policy: EntryPolicy = ASK_NOTHING,
    ) -> None:
        fresh = create()
        self._create = create
        self._timeframe = timeframe
        self._hole_patience = hole_patience
        self._live_from = live_from
        self._fingerprint = fresh.fingerprint
        self._rules = _Rules(fresh.exits, fresh.protections, policy)
        self._warm = WarmStrategies(create)
        self.warm_up = fresh.warm_up

    def is_cold(self, book: Book) -> bool:
        """Whether the book's strategy is not warm: `advance` then wants `warm_up` candles before the new ones, too."""
        return not self._knows(book) or book.state["seen"] < self.warm_up

    def advance(
        self, book: Book, candles: Sequence[Candle], forming: FormingCandle | None = None, limit: int | None = None
    ) -> Advance:
        """Take what is new.

        Args:
            book: As stored. Its unpublished signals are kept; new ones are added behind them.
            candles: Ascending; those already taken do no harm, and warm up a strategy that is cold.
            forming: View of the candle that is not over.
            limit: Most candles taken in this call; None for all.
        """
        way = plan(book.evaluated_to, candles, self._hole_patience)
        steps = way.steps[:limit]
        more = len(steps) < len(way.steps)
        hand = _Hand(book, self._rules)
        if steps or self.is_cold(book):
            self._take(steps, self._strategy(hand, candles), hand)
        if forming is not None and not more and self._follows(forming, hand):
            hand.exit_on(forming.candle, tuple(look for look in forming.candle.looks if look.end <= forming.as_of))
        evaluated = sum(step.candle.complete for step in steps)
        return Advance(hand.book(), evaluated, None if more else way.waiting_for, more)

    def _take(self, steps: Sequence[Step], strategy: Strategy, hand: "_Hand") -> None:
        silent_to = hand.state.get("live_from", self._live_from)
        for candle, after_gap in steps:
            if after_gap or not candle.complete:
                strategy = self._begin(hand)
            hand.exit_on(candle, looks_of(candle))
            hand.exit_by_age(candle)
            if candle.complete:
                entry = self._show(strategy, candle, hand)
                if entry is not None and candle.close_time > silent_to:
                    hand.enter_on(candle, entry)
            hand.close(candle)
        if hand.evaluated_to:
            hand.state = {
                "fingerprint": strategy.fingerprint,
                "live_from": silent_to,
                "seen": strategy.seen,
                "strategy": self._warm.put(hand.stored.key, strategy),
            }

    def _begin(self, hand: "_Hand") -> Strategy:
        hand.versions = hand.versions.started_anew()
        return self._create()

    @staticmethod
    def _show(strategy: Strategy, candle: Candle, hand: "_Hand") -> Entry | None:
        hand.versions = hand.versions.taken(candle)
        return strategy.on_candle(candle)

    def _strategy(self, hand: "_Hand", candles: Sequence[Candle]) -> Strategy:
        """The strategy as the book remembers it; or warmed up anew where history tells more than a cold memory.

        History before the book's last candle may come later than the candle itself: a backfill on the first start, a
        healed hole. A cold strategy has said nothing yet, so warming it up anew changes no word that was spoken.
        """
        strategy = self._warm.take(hand.stored) if self._knows(hand.stored) else self._begin(hand)
        if strategy.seen >= self.warm_up:
            return strategy
        history = stretch_to(candles, hand.evaluated_to)
        if len(history) <= strategy.seen:
            return strategy
        strategy = self._begin(hand)
        for candle in history:
            self._show(strategy, candle, hand)
        return strategy

    def _knows(self, book: Book) -> bool:
        return book.state.get("fingerprint") == self._fingerprint

    def _follows(self, forming: FormingCandle, hand: "_Hand") -> bool:
        return forming.candle.open_time == hand.evaluated_to + self._timeframe.millis


class _Rules(NamedTuple):
    exits: ExitRules
    protections: ProtectionRules
    policy: EntryPolicy


class _Hand:
    """The book under work."""

    def __init__(self, book: Book, rules: _Rules) -> None:
        self.stored = book
        self._rules = rules
        self._quiet = Quiet(*book.state.get("quiet", START))
        self._memory = remembered(book)
        self._said: list[Signal] = []
        self._head = book.head
        self._missed = [*unkept(book)]
        self._position = book.position
        self._looked_to = book.looked_to
        self._about: dict[str, Any] = book.state.get("entry", {})
        self.evaluated_to = book.evaluated_to
        self.versions = CandleVersions.of(book.state)
        self.state = {key: value for key, value in book.state.items() if key not in ("entry", "quiet")}

    def exit_on(self, candle: Candle, looks: tuple[Look, ...]) -> None:
        """Lead the open position through the looks; those already taken are skipped."""
        if self._position is None or not looks:
            return
        self._take(candle, through_looks(self._position, self._rules.exits, looks, self._looked_to))
        self._looked_to = max(self._looked_to, looks[-1].end)

    def exit_by_age(self, candle: Candle) -> None:
        """The candle has closed: a position that is too old ends."""
        if self._position is not None:
            self._take(candle, at_close(self._position, self._rules.exits, candle))

    def _take(self, candle: Candle, course: Course) -> None:
        """Say what happened, and keep the position as it is now."""
        position = course.position
        for turn in course.turns:
            line = turn_line(self.stored.key, position, candle, turn, self._about)
            self._say(line, self.versions.position)
            position = replace(position, revision=line.revision)
        self._position = position
        if course.end is not None:
            lost = course.end.reason is ExitReason.STOP_LOSS
            self._quiet = after_exit(self._quiet, self._rules.protections, lost)
            self._position = None
            self.versions = replace(self.versions, position=())

    def enter_on(self, candle: Candle, entry: Entry) -> None:
        """Open a position at the close of `candle`, if there is none and nothing speaks against it."""
        if self._position is not None:
            return
        line = entry_line(self.stored.key, candle, entry)
        answer = check(line, self._quiet, self._rules.protections, self._memory, self._rules.policy)
        if answer.refusal is not None:
            self._missed.append(near_miss(line, answer, answer.refusal))
            return
        line = replace(line, decision=line.decision | answer.record)
        revised = built_on(line, self.versions.old)
        self._say(line, revised)
        self._position = position_of(line)
        self.versions = replace(self.versions, position=revised)
        self._about = {name: entry.decision[name] for name in _REPEATED}

    def _say(self, line: Signal, revised: tuple[int, ...]) -> None:
        line, self._head = tied(self._head, replace(line, data_revised=revised))
        self._said.append(line)

    def close(self, candle: Candle) -> None:
        """`candle` is done with."""
        self.evaluated_to = candle.open_time
        self._looked_to = candle.close_time
        self._quiet = after_candle(self._quiet)

    def book(self) -> Book:
        """The next book; the stored one itself when nothing has changed."""
        state = with_unkept(with_memory(self.versions.add_to(self.state), self._memory), self._missed)
        if self._quiet != START:
            state = state | {"quiet": list(self._quiet)}
        book = replace(
            self.stored,
            evaluated_to=self.evaluated_to,
            looked_to=self._looked_to,
            state=state if self._position is None else state | {"entry": self._about},
            position=self._position,
            unpublished=(*self.stored.unpublished, *self._said),
            head=self._head,
        )
        return self.stored if book == self.stored else book
