"""A sound log passes; every planted fault is found and named."""

from dataclasses import replace

import pytest

from shared.domain.book import Book, BookKey
from shared.domain.outbox_entry import OutboxEntry, OutboxState
from shared.domain.signal import ExitReason, Side, Signal, SignalKind, signal_id
from shared.domain.timeframe import Timeframe
from shared.engine.hash_chain import tied
from shared.engine.ledger_audit import audit
from tests.makers import START

CHAT = "@channel"
MINUTE = 60_000


def story(minute=0, *, symbol="BTCUSDT", lasts=3):
    """Entry and exit of one signal, opened with the candle of that minute."""
    open_time = START + minute * MINUTE
    entry = Signal(
        kind=SignalKind.ENTRY,
        signal_id=signal_id("s", symbol, open_time, Side.LONG),
        revision=0,
        strategy="s",
        exchange="bybit-linear",
        symbol=symbol,
        side=Side.LONG,
        timeframe=Timeframe.M1,
        time=open_time + MINUTE,
        open_time=open_time,
        price=100.0,
        take_profit=101.5,
        stop_loss=99.3,
        entry_time=open_time + MINUTE,
        entry_price=100.0,
    )
    closing = replace(
        entry, kind=SignalKind.EXIT, revision=1, time=entry.time + lasts * MINUTE, reason=ExitReason.TAKE_PROFIT
    )
    return [entry, closing]


def chained(lines, head=""):
    """The lines tied to each other, and their book."""
    tied_lines = []
    for said in lines:
        line, head = tied(head, said)
        tied_lines.append(line)
    return tied_lines, Book(BookKey("s", "bybit-linear", lines[0].symbol), head=head)


def receipts(lines, **changes):
    """What the outbox holds when all of `lines` has been told."""
    newest = {line.signal_id: line.revision for line in sorted(lines, key=lambda line: line.revision)}
    return {
        (CHAT, name): replace(
            OutboxEntry(CHAT, name, state=OutboxState.SENT, message_id=number, delivered_revision=revision), **changes
        )
        for number, (name, revision) in enumerate(newest.items(), 1)
    }


SOUND = [*story(0), *story(10), *story(0, symbol="ETHUSDT")]


def test_a_sound_log_passes():
    found = audit(SOUND, [], receipts(SOUND), [CHAT])
    assert found.is_sound
    assert (found.signals, found.lines, found.open, found.told) == (3, 6, 0, 3)


def test_an_open_position_is_no_fault():
    lines = story()[:1]
    found = audit(lines, [], receipts(lines), [CHAT])
    assert (found.is_sound, found.open) == (True, 1)


def test_the_order_of_the_log_does_not_matter():
    assert audit(SOUND[::-1], [], receipts(SOUND), [CHAT]).is_sound


entry, closing = story()
FAULTS = {
    "a revision twice": ([entry, entry, closing], "doubled", "twice"),
    "a missing revision": ([entry, replace(closing, revision=2)], "broken", "gap"),
    "two ends": ([entry, closing, replace(closing, revision=2, price=99.3)], "doubled", "ended 2 times"),
    "no entry": ([replace(closing, revision=0)], "broken", "begins with"),
    "a foreign id": ([replace(entry, signal_id="s/BTCUSDT/1/LONG")], "broken", "no id of its entry"),
    "time going back": ([entry, replace(closing, time=entry.time - 1)], "broken", "back in time"),
    "two positions at once": ([*story(0, lasts=30), *story(10)], "broken", "was opened while"),
}


@pytest.mark.parametrize(("lines", "kind", "words"), FAULTS.values(), ids=FAULTS)
def test_a_story_that_cannot_have_happened_is_found(lines, kind, words):
    found = audit(lines, [], receipts(lines), [CHAT])
    assert not found.is_sound
    assert any(words in fault for fault in getattr(found, kind))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"state": OutboxState.DEAD, "last_error": "forbidden"}, "lost"),
        ({"message_id": None}, "lost"),
        ({"delivered_revision": 0}, "waiting"),
        ({"state": OutboxState.UNCERTAIN}, "waiting"),
    ],
)
def test_a_missing_receipt_is_found(changes, kind):
    found = audit(story(), [], receipts(story(), **changes), [CHAT])
    assert len(getattr(found, kind)) == 1
    assert found.is_sound is (kind == "waiting")


def test_what_no_outbox_has_seen_waits():
    assert len(audit(story(), [], {}, [CHAT, "@other"]).waiting) == 2


def test_an_expired_signal_is_counted_apart():
    found = audit(story(), [], receipts(story(), state=OutboxState.EXPIRED), [CHAT])
    assert (found.is_sound, found.expired, found.told) == (True, 1, 0)


def test_a_message_that_stands_for_two_signals_is_found():
    found = audit(SOUND, [], receipts(SOUND, message_id=7), [CHAT])
    assert len(found.doubled) == 2


def test_the_chain_of_each_book_is_checked():
    (btc, book), (eth, other) = chained([*story(0), *story(10)]), chained(story(0, symbol="ETHUSDT"))
    found = audit([*btc, *eth], [book, other], receipts([*btc, *eth]), [CHAT])
    assert found.is_sound
    assert (found.chained, found.unchained) == (6, [])
    assert found.heads == {"s/bybit-linear/BTCUSDT": book.head, "s/bybit-linear/ETHUSDT": other.head}


def test_a_changed_price_a_lost_end_and_a_foreign_line_are_forged():
    lines, book = chained([*story(0), *story(10)])
    better = [lines[0], replace(lines[1], pnl_pct=1.5), *lines[2:]]
    assert any(lines[1].signal_id in fault for fault in audit(better, [book], receipts(better), [CHAT]).forged)
    assert audit([], [book], {}, [CHAT]).forged == [
        f"book s/bybit-linear/BTCUSDT: its last line, {book.head[:12]}, is not in the log: it was changed or removed"
    ]
    assert not audit([*lines, *story(30)], [book], receipts([*lines, *story(30)]), [CHAT]).is_sound


def test_a_chain_that_was_written_anew_is_told_by_a_hash_that_was_noted():
    (lines, book), (better, new_book) = chained(story(0)), chained([story(0)[0], replace(story(0)[1], pnl_pct=9.0)])
    assert audit(better, [new_book], receipts(better), [CHAT]).is_sound
    assert audit(lines, [book], receipts(lines), [CHAT], [book.head, lines[1].previous]).is_sound
    found = audit(better, [new_book], receipts(better), [CHAT], [lines[1].previous, book.head])
    assert found.forged == [f"noted {book.head}: no line has this hash now"]


def test_lines_from_before_the_chain_are_no_fault():
    found = audit(SOUND, [], receipts(SOUND), [CHAT])
    assert (found.is_sound, found.chained, len(found.unchained)) == (True, 0, 6)


def test_of_a_shadow_nobody_needs_to_have_been_told_but_its_story_must_hold():
    shadow = [replace(line, strategy="s@x", signal_id=f"s@x/{line.signal_id.partition('/')[2]}") for line in story()]
    found = audit(shadow, [], {}, [CHAT])
    assert (found.is_sound, found.told, found.waiting) == (True, 0, [])
    assert len(audit(shadow[1:], [], {}, [CHAT]).broken) > 0
