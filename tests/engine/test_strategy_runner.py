from dataclasses import replace
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.book import Book, BookKey
from shared.domain.candle import CandleSource, FormingCandle
from shared.domain.exit_rules import ProtectionRules
from shared.domain.macro_bias import BiasDirection
from shared.domain.near_miss import Refusal
from shared.domain.signal import ExitReason, Side, SignalKind
from shared.domain.timeframe import Timeframe
from shared.engine.bias_gate import START as NO_BIAS
from shared.engine.bias_gate import GateLimits, adopt, remembered, step
from shared.engine.candle_versions import CandleVersions, note_changes
from shared.engine.entry_check import EntryPolicy, unkept
from shared.engine.hash_chain import check_chain
from shared.engine.strategy_runner import StrategyRunner
from shared.messages.codec import from_json, to_json
from tests.engine.broken_markets import STRATEGIES, broken_market
from tests.engine.macro_markets import make_bias
from tests.engine.scripted_strategy import ScriptedStrategy
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle

FRESH = Book(BookKey("scripted", EXCHANGE, SYMBOL))


def minute(number):
    return START + number * MINUTE


def scripted(sides=None, warm_up=0, live_from=0, fingerprint="scripted-1"):
    sides = {minute(number): side for number, side in (sides or {}).items()}
    return StrategyRunner(partial(ScriptedStrategy, sides, warm_up, fingerprint), Timeframe.M1, 3, live_from)


def flat(count, first=0):
    return [make_candle(minute(n)) for n in range(first, first + count)]


def told(book):
    """Signals in short: minute of the deciding candle, kind, and why it ended."""
    return [
        ((line.open_time - START) // MINUTE, str(line.kind), line.reason and str(line.reason))
        for line in book.unpublished
    ]


def test_an_entry_opens_a_position_and_a_later_look_closes_it():
    candles = [*flat(3), make_candle(minute(3), high="101.2", low="99.5")]
    book = scripted({1: Side.LONG}).advance(FRESH, candles).book
    assert told(book) == [(1, "entry", None), (3, "exit", "take_profit")]
    entry, end = book.unpublished
    assert (entry.price, entry.time) == (100.0, minute(2))
    assert (end.price, end.time, end.pnl_pct, end.revision) == (101.0, minute(4), 1.0, 1)
    assert end.decision["why"] == "scripted"
    assert book.position is None


def test_lines_are_tied_to_each_other_however_the_candles_come():
    candles = [*flat(3), make_candle(minute(3), high="101.2"), *flat(2, 4), make_candle(minute(6), low="98")]
    runner = scripted({1: Side.LONG, 4: Side.LONG})
    whole = runner.advance(FRESH, candles).book
    assert (len(whole.unpublished), check_chain(whole.unpublished, whole.head, "book").faults) == (4, [])
    book, said = FRESH, []
    for count in range(len(candles)):
        book = runner.advance(from_json(to_json(book), Book), candles[: count + 1]).book
        said += book.unpublished
        book = replace(book, unpublished=())
    assert (tuple(said), book.head) == (whole.unpublished, whole.head)


def test_the_signal_candle_itself_cannot_end_the_position():
    candles = [make_candle(minute(0), high="110", low="90"), make_candle(minute(1), high="100.9", low="99.1")]
    book = scripted({0: Side.LONG}).advance(FRESH, candles).book
    assert told(book) == [(0, "entry", None)]
    assert book.position is not None


def test_there_is_one_position_at_a_time_and_a_new_one_may_open_on_the_candle_that_ended_the_last():
    candles = [*flat(3), make_candle(minute(3), low="99")]
    book = scripted({0: Side.LONG, 1: Side.SHORT, 3: Side.SHORT}).advance(FRESH, candles).book
    assert told(book) == [(0, "entry", None), (3, "exit", "stop_loss"), (3, "entry", None)]
    assert book.position.side is Side.SHORT


def test_a_fresh_book_is_silent_about_what_closed_before_it_went_live():
    runner = scripted({1: Side.LONG, 3: Side.LONG}, live_from=minute(2))
    assert told(runner.advance(FRESH, flat(5)).book) == [(3, "entry", None)]


def test_live_from_stays_with_the_book_when_history_comes_in_parts_or_the_process_restarts():
    first = scripted({}, live_from=minute(2)).advance(FRESH, flat(1)).book
    later = scripted({1: Side.LONG, 3: Side.LONG}, live_from=minute(99))
    assert told(later.advance(first, flat(5)).book) == [(3, "entry", None)]


def test_an_incomplete_candle_given_up_ends_positions_and_starts_the_strategy_anew():
    runner = scripted({0: Side.LONG}, warm_up=1)
    broken = make_candle(minute(2), low="98", complete=False)
    waiting = runner.advance(FRESH, [*flat(2), broken, *flat(2, 3)])
    assert waiting.waiting_for == minute(2)
    assert told(waiting.book) == [(0, "entry", None)]
    book = runner.advance(waiting.book, [*flat(2), broken, *flat(3, 3)]).book
    assert told(book)[1:] == [(2, "exit", "stop_loss")]
    assert book.state["strategy"]["times"] == [minute(3), minute(4), minute(5)]


def test_a_position_lives_on_across_missing_minutes():
    candles = [*flat(2), *flat(3, 5), make_candle(minute(8), high="101")]
    book = scripted({0: Side.LONG}).advance(FRESH, candles).book
    assert told(book) == [(0, "entry", None), (8, "exit", "take_profit")]
    assert book.state["strategy"]["times"] == [minute(n) for n in (5, 6, 7, 8)]


def test_a_healed_candle_leaves_no_trace():
    runner = scripted()
    broken = [*flat(2), make_candle(minute(2), complete=False), *flat(2, 3)]
    healed = runner.advance(runner.advance(FRESH, broken).book, flat(5)).book
    assert healed == runner.advance(FRESH, flat(5)).book


def test_a_candle_healed_by_the_exchange_counts_as_a_whole_for_exits():
    runner = scripted({0: Side.LONG})
    book = runner.advance(FRESH, flat(1)).book
    early = forming(minute(1), minute(1) + 15_000, [("100.1", "99.9")])
    book = runner.advance(book, flat(1), early).book
    healed = make_candle(minute(1), low="98", source=CandleSource.EXCHANGE)
    assert told(runner.advance(book, [*flat(1), healed]).book)[1:] == [(1, "exit", "stop_loss")]


def forming(open_time, as_of, ranges):
    looks = [(open_time + (n + 1) * 15_000, high, low) for n, (high, low) in enumerate(ranges)]
    return FormingCandle(make_candle(open_time, complete=False, looks=looks_of(looks)), as_of)


def looks_of(rows):
    return [(end, make_candle(close=high).close, make_candle(close=low).close) for end, high, low in rows]


def test_a_finished_look_of_the_forming_candle_ends_a_position_at_once_and_only_once():
    runner = scripted({0: Side.LONG})
    opened = runner.advance(FRESH, flat(1)).book
    view = forming(minute(1), minute(1) + 30_000, [("100.5", "99.5"), ("101.5", "100")])
    book = runner.advance(opened, flat(1), view).book
    assert told(book)[1:] == [(1, "exit", "take_profit")]
    assert book.unpublished[1].time == minute(1) + 30_000
    closed = replace(view.candle, complete=True)
    assert told(runner.advance(book, [*flat(1), closed]).book) == told(book)


def test_an_unfinished_look_decides_nothing():
    runner = scripted({0: Side.LONG})
    opened = runner.advance(FRESH, flat(1)).book
    view = forming(minute(1), minute(1) + 29_999, [("100.5", "99.5"), ("101.5", "100")])
    assert runner.advance(opened, flat(1), view).book.position is not None


def test_a_forming_candle_behind_a_candle_not_yet_taken_is_left_alone():
    runner = scripted({0: Side.LONG})
    opened = runner.advance(FRESH, flat(1)).book
    view = forming(minute(2), minute(3), [("101.5", "98")])
    assert runner.advance(opened, flat(1), view).book is opened


def test_nothing_new_gives_the_very_same_book():
    runner = scripted(warm_up=2)
    book = runner.advance(FRESH, flat(5)).book
    assert runner.advance(book, flat(5)).book is book
    assert runner.advance(FRESH, []).book is FRESH


def test_a_limit_takes_the_same_way_in_parts():
    runner = scripted({1: Side.LONG})
    candles = [*flat(2), *flat(6, 4)]
    book, more = FRESH, True
    while more:
        book, _, _, more = runner.advance(book, candles, limit=1)
    assert book == runner.advance(FRESH, candles).book


def test_a_cold_strategy_is_warmed_up_by_history_that_comes_late():
    runner = scripted({9: Side.LONG}, warm_up=8)
    live = runner.advance(FRESH, flat(2, 7)).book
    assert runner.is_cold(live)
    book = runner.advance(live, flat(10)).book
    assert not runner.is_cold(book)
    assert book.state["strategy"]["times"] == [minute(n) for n in range(10)]
    assert told(book) == [(9, "entry", None)]


def test_the_memory_of_other_parameters_is_not_used_but_the_position_is_kept():
    opened = scripted({4: Side.LONG}).advance(FRESH, flat(5)).book
    other = scripted({2: Side.SHORT}, warm_up=3, fingerprint="scripted-2")
    candles = [*flat(5), make_candle(minute(5), high="101")]
    assert other.is_cold(opened)
    book = other.advance(opened, candles).book
    assert told(book) == [(4, "entry", None), (5, "exit", "take_profit")]
    assert book.state["fingerprint"] == "scripted-2"
    assert book.state["strategy"]["times"] == [minute(n) for n in range(6)]


POLICY = EntryPolicy(GateLimits(), risk=0.005)
LONG_BIAS = step(NO_BIAS, make_bias(START - 5 * MINUTE), GateLimits())
SHORT_BIAS = step(NO_BIAS, make_bias(START, direction=BiasDirection.SHORT), GateLimits())


def gated(sides, policy=POLICY, kind=ScriptedStrategy):
    sides = {minute(number): side for number, side in sides.items()}
    return StrategyRunner(partial(kind, sides), Timeframe.M1, 3, policy=policy)


def test_an_entry_against_the_macro_bias_opens_nothing_is_remembered_and_the_strategy_sees_every_candle():
    runner = gated({1: Side.SHORT, 3: Side.LONG})
    book = runner.advance(adopt(FRESH, LONG_BIAS), flat(5)).book
    assert told(book) == [(3, "entry", None)]
    assert book.state["strategy"]["times"] == [minute(n) for n in range(5)]
    (miss,) = unkept(book)
    assert (miss.open_time, miss.side, miss.refusal, miss.price) == (minute(1), Side.SHORT, Refusal.MACRO, 100.0)
    assert miss.words == "the macro bias is LONG (confidence 85, kept down to 70), against a SHORT entry"
    assert miss.decision["macro"]["gate"] == "blocked"
    (entry,) = book.unpublished
    assert entry.decision["macro"]["gate"] == "aligned"
    assert entry.decision["size"] == {"size_pct": 50.0, "risk_pct": 0.5, "stop_distance_pct": 1.0, "gate": 1.0}


def test_without_a_policy_a_bias_in_the_book_neither_blocks_nor_says_anything():
    runner = scripted({1: Side.SHORT})
    book = runner.advance(adopt(FRESH, LONG_BIAS), flat(3)).book
    assert told(book) == [(1, "entry", None)]
    assert book.unpublished == runner.advance(FRESH, flat(3)).book.unpublished
    assert set(book.unpublished[0].decision) == {"why", "price_decimals"}


def test_the_memory_of_the_gate_stays_with_the_book_until_a_newer_one_is_taken_over():
    runner = gated({1: Side.SHORT, 3: Side.SHORT})
    book = runner.advance(adopt(FRESH, LONG_BIAS), flat(2)).book
    book = runner.advance(from_json(to_json(book), Book), flat(3)).book
    assert remembered(book) == LONG_BIAS
    later = runner.advance(adopt(book, SHORT_BIAS), flat(4)).book
    assert told(later) == [(3, "entry", None)]
    assert [miss.open_time for miss in unkept(later)] == [minute(1)]
    assert told(runner.advance(book, flat(4)).book) == []


class CautiousStrategy(ScriptedStrategy):
    """Waits two candles after an exit."""

    protections = ProtectionRules(cooldown=2, guard_stops=0, guard_pause=0)


def test_an_entry_within_the_cooldown_is_a_near_miss_and_one_while_a_position_is_open_is_none():
    candles = [*flat(2), make_candle(minute(2), high="101"), *flat(3, 3)]
    runner = gated({0: Side.LONG, 1: Side.LONG, 2: Side.LONG, 3: Side.SHORT, 4: Side.SHORT}, kind=CautiousStrategy)
    book = runner.advance(FRESH, candles).book
    assert told(book) == [(0, "entry", None), (2, "exit", "take_profit"), (4, "entry", None)]
    misses = unkept(book)
    assert [(miss.open_time, miss.side, miss.refusal) for miss in misses] == [
        (minute(2), Side.LONG, Refusal.PROTECTED),
        (minute(3), Side.SHORT, Refusal.PROTECTED),
    ]
    assert misses[0].words == "candles left without an entry, this one included: 2 (cooldown of 2 after an exit)"


def test_a_refused_entry_before_the_book_went_live_is_not_remembered():
    runner = StrategyRunner(partial(ScriptedStrategy, {minute(1): Side.SHORT}), Timeframe.M1, 3, minute(5), POLICY)
    book = runner.advance(adopt(FRESH, LONG_BIAS), flat(4)).book
    assert (told(book), unkept(book)) == ([], ())


class EvidentStrategy(ScriptedStrategy):
    """Names the two candles before the entry as its evidence."""

    def on_candle(self, candle):
        entry = super().on_candle(candle)
        if entry is not None:
            entry.decision["pivots"] = [{"open_time": candle.open_time - 2 * MINUTE}]
        return entry


def test_an_entry_on_what_the_strategy_saw_before_it_changed_says_so_and_so_does_its_exit():
    changed = make_candle(minute(2), revision=1)
    book = note_changes(scripted().advance(FRESH, flat(3)).book, [changed])
    runner = StrategyRunner(partial(EvidentStrategy, {minute(4): Side.LONG}), Timeframe.M1, 3)
    book = runner.advance(book, [*flat(6), make_candle(minute(6), high="101")]).book
    assert told(book) == [(4, "entry", None), (6, "exit", "take_profit")]
    assert [line.data_revised for line in book.unpublished] == [(minute(2),)] * 2
    later = runner.advance(replace(book, unpublished=()), flat(3, 7)).book
    assert "position" not in later.state["candle_versions"]


def test_a_candle_healed_before_its_evaluation_and_one_before_a_new_start_mark_nothing():
    healed = make_candle(minute(1), revision=1, source=CandleSource.EXCHANGE)
    runner = scripted()
    book = runner.advance(FRESH, [*flat(1), healed, *flat(2, 2)]).book
    assert note_changes(book, [healed]) is book
    book = note_changes(book, [make_candle(minute(2), revision=1)])
    assert CandleVersions.of(book.state).old == (minute(2),)
    behind_a_hole = runner.advance(book, [*flat(4), *flat(4, 5)]).book
    assert behind_a_hole.state["strategy"]["times"] == [minute(n) for n in (5, 6, 7, 8)]
    assert CandleVersions.of(behind_a_hole.state).old == ()


LASTING_BIAS = step(NO_BIAS, make_bias(expires_at=START + 500 * MINUTE), GateLimits())


def in_pieces(runner, book, candles, turns):
    """Each turn takes some more candles, may look at the forming one early, and forgets all but the stored book."""
    taken = 0
    while taken < len(candles):
        step, early = next(turns)
        taken += step
        view = None
        if early and taken < len(candles):
            coming = candles[taken]
            as_of = coming.open_time + early * 15_000
            view = FormingCandle(replace(coming, complete=False), as_of)
        book = runner.advance(book, candles[:taken][-400:], view).book
        book = from_json(to_json(book), Book)
    return book


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    holes=st.sets(st.integers(1, 615), max_size=3),
    name=st.sampled_from(sorted(STRATEGIES)),
    turns=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 4)), min_size=1, max_size=30),
    memory=st.sampled_from([NO_BIAS, LASTING_BIAS]),
)
def test_interruptions_and_early_looks_change_no_book_and_no_signal(seed, holes, name, turns, memory):
    candles = broken_market(seed, holes)
    runner = StrategyRunner(STRATEGIES[name], Timeframe.M1, hole_patience=3, policy=POLICY)
    fresh = adopt(Book(BookKey("x", EXCHANGE, SYMBOL)), memory)
    whole = runner.advance(fresh, candles).book

    def for_ever():
        while True:
            yield from turns

    assert in_pieces(runner, fresh, candles, for_ever()) == whole


def test_that_property_speaks_of_markets_with_entries_and_both_exits():
    for make in STRATEGIES.values():
        runner = StrategyRunner(make, Timeframe.M1, 3, policy=POLICY)
        gated = adopt(Book(BookKey("x", EXCHANGE, SYMBOL)), LASTING_BIAS)
        assert any(unkept(runner.advance(gated, broken_market(seed, {40})).book) for seed in range(8))
        lines = [
            line
            for seed in range(8)
            for line in runner.advance(Book(BookKey("x", EXCHANGE, SYMBOL)), broken_market(seed, {40})).book.unpublished
        ]
        assert {line.kind for line in lines} == {SignalKind.ENTRY, SignalKind.EXIT}
        assert {line.reason for line in lines} == {None, ExitReason.TAKE_PROFIT, ExitReason.STOP_LOSS}
