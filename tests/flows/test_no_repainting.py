"""No repainting: what was said up to any moment never changes because of what came later.

For 2,000 random cut points of a recorded month (500 for the second strategy) the signals up to the cut must equal
those of the full run, which was given the whole month at once and so could have looked ahead. Three runs are compared
with it:

* From nothing: a fresh book and the candles before the cut, nothing else. It is the definition, and too slow for 2,000
  cuts, so it is made for 8 of them.
* From a stored book: the month is fed in parts of 100 candles and the book kept after each part, as JSON. Such a book
  cannot know later candles, because they had not been given to anyone yet. Every cut is run from the last book before
  it to the cut, and with the signals of the earlier parts that is all a process could know at the cut.
* The same with garbage behind the cut: candles with wild prices and volumes instead of nothing. They may cause signals
  of their own; up to the cut none may change.

Whatever reads ahead differs in the second or third run at every cut that lies between a signal and what it read; with
2,000 cuts in 44,640 candles and some 80 entries, signals and cuts meet closely many times, and the test demands so.
"""

from dataclasses import replace
from functools import cache, partial
from random import Random

import pytest

from shared.domain.book import Book, BookKey
from shared.domain.signal import SignalKind
from shared.domain.timeframe import Timeframe
from shared.engine.strategy_runner import StrategyRunner
from shared.messages.codec import from_json, to_json
from shared.strategies import rsi_divergence, rsi_threshold
from tests.makers import MINUTE
from tests.strategies.markets import BTC, recorded_btc

FROM_NOTHING = 8
PART = 100
GARBAGE = 10  # candles: more than the delay of a pivot and the patience at a hole together


@cache
def candles():
    return recorded_btc()


def fresh(name):
    return Book(BookKey(name, BTC.exchange, BTC.symbol))


def fed_in_parts(runner, name):
    """By the number of candles seen: the book as stored, and the signals up to there."""
    book, said = fresh(name), []
    parts = {0: (to_json(book), [])}
    for start in range(0, len(candles()), PART):
        book = runner.advance(book, candles()[start : start + PART]).book
        said += book.unpublished
        book = replace(book, unpublished=())
        parts[start + PART] = (to_json(book), list(said))
    return parts


def garbage(cut, random):
    wild = [replace(candle, looks=()) for candle in candles()[cut : cut + GARBAGE]]
    return [
        replace(
            candle,
            high=candle.high * (factor := random.randint(2, 9)),
            low=candle.low / factor,
            close=candle.close * random.choice([factor, 1]),
            quantity=candle.quantity * random.randint(0, 99),
        )
        for candle in wild
    ]


def said_until(time, lines):
    return [line for line in lines if line.time <= time]


@pytest.mark.parametrize(
    ("strategy", "number"), [(rsi_divergence, 2_000), (rsi_threshold, 500)], ids=["rsi_divergence", "rsi_threshold"]
)
def test_signals_up_to_any_cut_equal_those_of_the_full_run(strategy, number):
    name = strategy.__name__
    runner = StrategyRunner(partial(strategy.create, {}), Timeframe.M1, hole_patience=3)
    full = runner.advance(fresh(name), candles()).book.unpublished
    parts = fed_in_parts(runner, name)
    random = Random(20250301)  # noqa: S311 - cut points, no secret
    cuts = sorted(random.sample(range(1, len(candles()) + 1), number))

    for cut in cuts:
        end = candles()[cut - 1].close_time
        expected = said_until(end, full)
        start = cut - cut % PART
        text, said = parts[start]
        stored = from_json(text, Book)
        told = runner.advance(stored, candles()[start:cut]).book
        assert [*said, *told.unpublished] == expected
        misled = runner.advance(stored, [*candles()[start:cut], *garbage(cut, random)]).book
        assert [*said, *said_until(end, misled.unpublished)] == expected

    for cut in random.sample(cuts, FROM_NOTHING):
        expected = said_until(candles()[cut - 1].close_time, full)
        assert list(runner.advance(fresh(name), candles()[:cut]).book.unpublished) == expected

    ends = {candles()[cut - 1].close_time for cut in cuts}
    entries = [line for line in full if line.kind is SignalKind.ENTRY]
    close = [line for line in entries if {line.time + ahead * MINUTE for ahead in range(GARBAGE)} & ends]
    assert len(entries) > 50
    assert len(close) > 10, "too few cuts lie closely behind an entry to show anything"
