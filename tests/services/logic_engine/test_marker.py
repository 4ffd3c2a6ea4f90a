from dataclasses import replace

import pytest

from services.logic_engine.marker import Marker
from shared.adapters.stores.memory import MemoryStore
from shared.domain.book import Book, BookKey
from shared.domain.signal import Side, SignalKind
from shared.engine.candle_versions import note_changes
from shared.engine.hash_chain import check_chain, digest, tied
from shared.engine.signal_lines import position_of
from tests.makers import EXCHANGE, MINUTE, START, make_candle, make_signal

KEY = BookKey("rsi_divergence", EXCHANGE, "BTCUSDT")
FAR = {"pivots": [{"open_time": START + 20 * MINUTE}]}


def minute(number):
    return START + number * MINUTE


@pytest.fixture
async def store():
    """Three signals with evidence from minute 20 on, of which the last is open, and strangers."""
    store = MemoryStore()
    lines = [
        make_signal(open_time=minute(30), decision=FAR),
        make_signal(SignalKind.EXIT, open_time=minute(30), revision=1),
        make_signal(open_time=minute(36), side=Side.SHORT, decision=FAR),
        make_signal(SignalKind.EXIT, open_time=minute(36), side=Side.SHORT, revision=1),
        make_signal(open_time=minute(40), decision=FAR),
    ]
    strangers = [
        make_signal(open_time=minute(40), decision=FAR, strategy="rsi_threshold"),
        make_signal(open_time=minute(41), decision=FAR, exchange="other"),
        make_signal(open_time=minute(42), decision=FAR, symbol="ETHUSDT"),
    ]
    await store.commit([Book(KEY, unpublished=tuple(lines + strangers))])
    return store


async def marked(store, *numbers):
    """Id, kind, revision and marks of what the book says when these minutes have changed."""
    position = position_of(make_signal(open_time=minute(40)))
    book = Book(KEY, evaluated_to=minute(50), position=position)
    book = note_changes(book, [make_candle(minute(number), revision=1) for number in numbers])
    return await Marker(store, 1).mark(book)


def told(book):
    return [
        (line.signal_id.split("/")[2:], str(line.kind), line.revision, line.data_revised) for line in book.unpublished
    ]


async def test_every_signal_whose_evidence_holds_the_candle_is_marked_closed_ones_by_their_exit(store):
    book = await marked(store, 33)
    assert told(book) == [
        ([str(minute(36)), "SHORT"], "exit", 2, (minute(33),)),
        ([str(minute(40)), "LONG"], "entry", 1, (minute(33),)),
    ]
    assert book.position.revision == 1


async def test_two_candles_that_changed_are_one_line(store):
    assert told(await marked(store, 38, 39)) == [([str(minute(40)), "LONG"], "entry", 1, (minute(38), minute(39)))]


@pytest.mark.parametrize("number", [19, 41])
async def test_a_candle_that_no_decision_rests_on_marks_nothing(store, number):
    book = await marked(store, number)
    assert (book.unpublished, book.position.revision) == ((), 0)


async def test_a_line_that_was_logged_before_its_book_was_stored_is_said_again_and_not_doubled(store):
    book = await marked(store, 38)
    await store.commit([replace(book, key=BookKey("other", EXCHANGE, "BTCUSDT"))])
    assert await marked(store, 38) == book


async def test_marks_are_tied_to_the_chain_once_whatever_dies(store):
    key = KEY._replace(symbol="SOLUSDT")
    entry, head = tied("", make_signal(open_time=minute(30), decision=FAR, symbol="SOLUSDT"))
    end, head = tied(head, make_signal(SignalKind.EXIT, minute(30), revision=1, symbol="SOLUSDT"))
    said = Book(key, evaluated_to=minute(50), unpublished=(entry, end), head=head)
    await store.commit([said])
    revised = [make_candle(minute(25), revision=1, symbol="SOLUSDT")]
    due = note_changes(replace(said, version=1, unpublished=()), revised)
    book = await Marker(store, 1).mark(due)
    (mark,) = book.unpublished
    assert (mark.previous, book.head) == (digest(end), digest(mark))

    await store.commit([Book(BookKey("log", EXCHANGE, "SOLUSDT"), unpublished=(mark,))])
    assert await Marker(store, 1).mark(due) == book  # logged, but its book was not stored: said again, the same

    again = note_changes(replace(book, unpublished=()), [replace(revised[0], revision=2)])
    repeated = await Marker(store, 1).mark(again)
    assert (repeated.unpublished, repeated.head) == ((mark,), book.head)  # it is in the chain already
    assert check_chain(await store.signals(99, "SOLUSDT"), repeated.head, "book").faults == []
