import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.outbox_entry import OutboxEntry, OutboxState, line_of
from shared.domain.signal import SignalKind
from shared.engine import outbox_queue
from tests.makers import make_signal

KINDS = {"E": SignalKind.ENTRY, "U": SignalKind.UPDATE, "X": SignalKind.EXIT}


def line(name):
    """``U3``: the update of revision 3."""
    return line_of(make_signal(KINDS[name[0]], revision=int(name[1:])))


def entry_with(queue, **fields):
    return OutboxEntry("-100", line("E0").subject, queue=tuple(queue), **fields)


def after(*lines, **fields):
    entry = entry_with((), **fields)
    for one in lines:
        entry = entry_with(outbox_queue.queue_with(entry, line(one)), **fields)
    return [f"{'X' if waits.kind == 'exit' else waits.kind[0].upper()}{waits.revision}" for waits in entry.queue]


@pytest.mark.parametrize(
    ("come", "waiting"),
    [
        ("E0", "E0"),
        ("E0 E0", "E0"),
        ("E0 U1 U2", "E0 U2"),
        ("E0 U2 U1", "E0 U2"),
        ("E0 U1 X9", "E0 X9"),
        ("X9 E0", "E0 X9"),
        ("E0 X9 U3", "E0 X9"),
        ("U3 E0", "E0 U3"),
        ("E0 E1", "E1"),
        ("E1 E0", "E1"),
        ("E0 E1 X2", "E1 X2"),
        ("E0 X2 E1", "E1 X2"),
        ("E0 X2 X3", "E0 X3"),
    ],
)
def test_what_waits_is_the_newest_form_of_the_entry_then_the_newest_line(come, waiting):
    assert after(*come.split()) == waiting.split()


@pytest.mark.parametrize(
    ("come", "waiting"), [("E0", ""), ("E1", "E1"), ("E1 X2", "X2"), ("X2 E1", "X2"), ("U1 U2", "U2"), ("X2 X3", "X3")]
)
def test_once_the_entry_is_told_only_the_newest_line_waits(come, waiting):
    told = {"delivered_revision": 0, "message_id": 7, "digest": "d", "state": OutboxState.PENDING}
    assert after(*come.split(), **told) == waiting.split()


@pytest.mark.parametrize(
    "fields",
    [
        {"state": OutboxState.SENDING, "delivered_revision": 0, "message_id": 7, "digest": "d"},
        {"state": OutboxState.UNCERTAIN, "digest": outbox_queue.UNKNOWN},
        {"state": OutboxState.PENDING, "digest": outbox_queue.UNKNOWN},
    ],
)
def test_what_is_being_said_or_may_have_been_sent_keeps_its_place(fields):
    entry = entry_with((line("U1"), line("U2")), **fields)
    assert outbox_queue.queue_with(entry, line("X9")) == (line("U1"), line("X9"))
    assert outbox_queue.queue_with(entry, line("E0")) == entry.queue


def test_an_edit_without_an_answer_gives_way_to_what_is_newer_and_to_nothing_older():
    entry = entry_with(
        (line("U3"),), state=OutboxState.UNCERTAIN, delivered_revision=0, message_id=7, digest=outbox_queue.UNKNOWN
    )
    assert outbox_queue.queue_with(entry, line("U4")) == (line("U4"),)
    assert outbox_queue.queue_with(entry, line("U2")) == entry.queue


@given(st.permutations(["E0", "E1", "U2", "U3", "X4", "X5"]), st.integers(1, 6))
def test_whatever_the_order_the_newest_line_is_there_and_all_stand_in_order(come, count):
    waiting = after(*come[:count])
    revisions = [int(name[1:]) for name in waiting]
    assert revisions == sorted(set(revisions))
    assert len(waiting) <= 2
    newest = max(come[:count], key=lambda name: int(name[1:]))
    assert waiting[-1] == newest
