from dataclasses import replace

import pytest

from shared.domain.book import Book, BookKey
from shared.domain.candle import CandleSource
from shared.domain.signal import Side
from shared.engine.candle_versions import CandleVersions, note_changes, unmarked, with_marks
from shared.engine.signal_lines import position_of
from shared.messages.codec import from_json, to_json
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, make_signal

KEY = BookKey("rsi_divergence", EXCHANGE, SYMBOL)
BOOK = Book(KEY, evaluated_to=START + 9 * MINUTE, state={"seen": 10})
HEALED = {"revision": 1, "source": CandleSource.EXCHANGE}


def minute(number):
    return START + number * MINUTE


def taken(book, *candles):
    versions = CandleVersions.of(book.state)
    for candle in candles:
        versions = versions.taken(candle)
    return replace(book, state=versions.add_to(book.state))


def test_a_candle_that_changed_after_it_was_taken_is_promised_a_mark_once():
    revised = make_candle(minute(4), **HEALED)
    book = note_changes(BOOK, [revised])
    assert unmarked(book) == (minute(4),)
    assert note_changes(book, [revised]) is book


@pytest.mark.parametrize(
    "candle",
    [
        make_candle(minute(4)),
        make_candle(minute(10), **HEALED),
        make_candle(minute(4), complete=False, **HEALED),
        make_candle(minute(4), symbol="ETHUSDT", **HEALED),
        make_candle(minute(4), exchange="other", **HEALED),
    ],
    ids=["first version", "not evaluated yet", "incomplete", "other symbol", "other exchange"],
)
def test_what_is_no_surprise_leaves_the_book_alone(candle):
    assert note_changes(BOOK, [candle]) is BOOK


def test_a_candle_that_was_healed_before_it_was_taken_is_no_surprise_and_a_later_version_is():
    book = taken(BOOK, make_candle(minute(4), **HEALED))
    assert note_changes(book, [make_candle(minute(4), **HEALED)]) is book
    assert unmarked(note_changes(book, [make_candle(minute(4), revision=2)])) == (minute(4),)


def test_marks_are_said_by_the_book_and_the_open_position_counts_on():
    entry = make_signal(open_time=minute(8))
    closed = make_signal(open_time=minute(2), side=Side.SHORT, revision=3, data_revised=(minute(1),))
    book = replace(note_changes(BOOK, [make_candle(minute(1), **HEALED)]), position=position_of(entry))
    marked = with_marks(book, [closed, replace(entry, revision=1, data_revised=(minute(1),))])
    assert [line.revision for line in marked.unpublished] == [3, 1]
    assert marked.position.revision == 1
    assert unmarked(marked) == ()
    assert CandleVersions.of(marked.state).position == (minute(1),)


def test_a_book_without_surprises_holds_nothing_of_this():
    assert taken(BOOK, make_candle(minute(4))) == BOOK
    assert CandleVersions.of(BOOK.state).add_to(BOOK.state) == {"seen": 10}


def test_what_is_known_survives_the_store():
    book = note_changes(taken(BOOK, make_candle(minute(3), **HEALED)), [make_candle(minute(4), **HEALED)])
    read = from_json(to_json(book), Book)
    assert read == book
    assert CandleVersions.of(read.state) == CandleVersions({minute(3): 1, minute(4): 1}, (minute(4),), (minute(4),), ())


def test_a_strategy_that_starts_anew_remembers_no_old_version_and_promises_stay():
    versions = CandleVersions({}).changed(make_candle(minute(4), **HEALED)).started_anew()
    assert (versions.old, versions.unmarked) == ((), (minute(4),))


def test_a_book_stays_small():
    versions = CandleVersions({})
    for number in range(300):
        versions = versions.changed(make_candle(minute(number), **HEALED))
    newest = tuple(minute(number) for number in range(60, 300))
    assert (tuple(versions.known), versions.old, versions.unmarked) == (newest, newest, newest)
