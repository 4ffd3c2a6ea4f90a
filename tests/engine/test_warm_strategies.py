"""Strategies kept between two calls: no value depends on it, whatever happens to the books meanwhile."""

from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.book import Book, BookKey
from shared.domain.timeframe import Timeframe
from shared.engine.strategy_runner import StrategyRunner
from shared.messages.codec import from_json, to_json
from tests.engine.broken_markets import STRATEGIES, broken_market
from tests.engine.scripted_strategy import ScriptedStrategy
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle

FRESH = Book(BookKey("scripted", EXCHANGE, SYMBOL))


def minute(number):
    return START + number * MINUTE


def flat(count, first=0):
    return [make_candle(minute(n)) for n in range(first, first + count)]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    holes=st.sets(st.integers(1, 615), max_size=3),
    name=st.sampled_from(sorted(STRATEGIES)),
    turns=st.lists(
        st.tuples(st.integers(1, 40), st.sampled_from(["kept", "loaded", "lost to another writer", "killed"])),
        min_size=1,
        max_size=30,
    ),
)
def test_a_strategy_kept_between_calls_says_what_one_restored_each_time_says(seed, holes, name, turns):
    candles = broken_market(seed, holes)

    def started():
        return StrategyRunner(STRATEGIES[name], Timeframe.M1, hole_patience=3)

    runner, taken = started(), 0
    book = stored = Book(BookKey("x", EXCHANGE, SYMBOL))
    for step_, fate in cycle(turns):
        taken += step_
        seen = candles[:taken][-400:]
        if fate == "lost to another writer":
            runner.advance(book, candles[: taken + 5][-400:])  # never stored: the book is what it was
        elif fate == "killed":
            runner = started()
        elif fate == "loaded":
            book = from_json(to_json(book), Book)
        book, stored = runner.advance(book, seen).book, started().advance(stored, seen).book
        stored = from_json(to_json(stored), Book)
        assert book == stored
        if taken >= len(candles):
            break


def test_a_strategy_is_made_once_while_nobody_else_touches_its_book():
    made = []

    def make():
        made.append(ScriptedStrategy())
        return made[-1]

    runner = StrategyRunner(make, Timeframe.M1, 3)
    book = runner.advance(FRESH, flat(1)).book
    before = len(made)
    for number in range(1, 9):
        book = runner.advance(replace(book, unpublished=()), flat(1, number)).book
    assert len(made) == before
    runner.advance(from_json(to_json(book), Book), flat(1, 9))
    assert len(made) == before + 1


def test_a_strategy_that_broke_off_half_way_is_not_used_again():
    class Breaks(ScriptedStrategy):
        def on_candle(self, candle):
            entry = super().on_candle(candle)
            if candle.open_time == minute(2) and breaks:
                raise ValueError(breaks.pop())
            return entry

    breaks = ["once"]
    runner = StrategyRunner(Breaks, Timeframe.M1, 3)
    book = runner.advance(FRESH, flat(1)).book
    with pytest.raises(ValueError, match="once"):
        runner.advance(book, flat(3))
    assert (
        runner.advance(book, flat(4)).book
        == StrategyRunner(ScriptedStrategy, Timeframe.M1, 3).advance(FRESH, flat(4)).book
    )
