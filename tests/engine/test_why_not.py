"""What is said of a stored candle is what the runner did with it when it came."""

from functools import partial

import pytest

from shared.domain.book import Book, BookKey
from shared.domain.near_miss import NearMiss, Refusal
from shared.domain.signal import Side, SignalKind
from shared.domain.timeframe import Timeframe
from shared.engine.strategy_runner import StrategyRunner
from shared.engine.why_not import HISTORY, account, accounts, book_gates
from shared.strategies import rsi_divergence, rsi_threshold
from tests.engine.scripted_strategy import ScriptedStrategy
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL
from tests.strategies.markets import walk

KEY = BookKey("rsi_threshold", EXCHANGE, SYMBOL)
EAGER = {"oversold": 42.0, "overbought": 58.0, "volume_factor": 0.8, "take_profit_pct": 0.4, "stop_loss_pct": 0.3}
MAKERS = {
    "threshold": partial(rsi_threshold.create, EAGER | {"cooldown": 7, "guard_stops": 2, "guard_pause": 25}),
    "divergence": partial(
        rsi_divergence.create, EAGER | {"pivot_left": 2, "pivot_right": 1, "min_distance": 3, "cooldown": 9}
    ),
}


def said(make, candles):
    """What the live runner says about the candles, as the log has it."""
    book = StrategyRunner(make, Timeframe.M1, hole_patience=0).advance(Book(KEY), candles).book
    return sorted(book.unpublished, key=lambda line: (line.time, line.signal_id, line.revision))


def asked(make, candles, lines, index):
    candle, fresh = candles[index], make()
    history = candles[max(0, index + 1 - HISTORY * fresh.warm_up) : index + 1]
    return account(fresh, history, candle, book_gates(lines, fresh.protections, candle))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_an_entry_is_explained_exactly_where_the_runner_made_one(make):
    candles = walk(3, 1_100)
    lines = said(make, candles)
    entries = {line.open_time: line.side for line in lines if line.kind is SignalKind.ENTRY}
    wished = {found.candle.open_time for found in accounts(make, candles) if any(s.is_entry for s in found.sides)}
    assert len(entries) > 3
    assert wished > set(entries), "no entry was ever refused: the test says nothing about the book"
    for index in [*range(200, 1_100, 40), *((time - START) // MINUTE for time in wished)]:
        found = asked(make, candles, lines, index).entry
        assert (found and found.side) == entries.get(candles[index].open_time)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_near_misses_are_those_of_the_single_candles(make):
    candles = walk(4, 700)
    found = {each.candle.open_time: each.sides for each in accounts(make, candles)}
    for index in range(400, 700, 9):
        alone = asked(make, candles, [], index).sides
        interesting = any(side.is_entry or side.is_near_miss for side in alone)
        assert (candles[index].open_time in found) == interesting
    misses = [side for sides in found.values() for side in sides if side.is_near_miss]
    assert misses
    assert all([gate.passed for gate in side.gates].count(False) == 1 for side in misses)


def test_a_candle_behind_a_hole_is_not_warm():
    make = MAKERS["threshold"]
    candles = walk(3, 600)
    del candles[580]
    found = asked(make, candles, [], len(candles) - 1)
    gates = {gate.name: gate for gate in found.book}
    assert (gates["warm_up"].value, gates["warm_up"].passed) == (19, False)
    assert (found.sides, found.entry) == ((), None)
    assert all(each.candle.open_time < START + 580 * MINUTE for each in accounts(make, candles))


def test_a_position_that_is_open_and_a_refusal_are_gates():
    make = MAKERS["threshold"]
    candles = walk(3, 900)
    lines = said(make, candles)
    first = lines[0]
    candle = next(candle for candle in candles if candle.open_time == first.open_time + MINUTE)
    flat, _ = book_gates(lines[:1], make().protections, candle)
    assert (flat.passed, first.signal_id in flat.words) == (False, True)
    refused = NearMiss(
        "rsi_threshold", EXCHANGE, SYMBOL, Side.LONG, START, START + MINUTE, 1.0, 2.0, 0.5, Refusal.MACRO, "bearish", {}
    )
    *_, macro = book_gates([], make().protections, candle, refused)
    assert (macro.name, macro.passed, macro.words) == ("macro", False, "bearish")


def test_an_entry_that_only_the_book_refused_is_a_near_miss():
    make = MAKERS["threshold"]
    candles = walk(3, 1_100)
    lines = said(make, candles)
    refused = [
        found
        for found in (asked(make, candles, lines, (each.candle.open_time - START) // MINUTE)
                      for each in accounts(make, candles) if any(side.is_entry for side in each.sides))
        if found.entry is None
    ]  # fmt: skip
    gates = [gate.name for found in refused for _, gate in found.near_misses]
    assert set(gates) == {"flat", "protections"}


def test_a_strategy_that_cannot_explain_itself_has_the_gates_of_the_book_alone():
    candles = walk(1, 5)
    found = account(ScriptedStrategy(), candles, candles[-1], ())
    assert (found.sides, [gate.name for gate in found.book], found.entry) == ((), ["complete", "warm_up"], None)
