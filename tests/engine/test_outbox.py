from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.domain.outbox_entry import OutboxEntry, OutboxState
from shared.domain.signal import Signal, SignalKind
from shared.engine import outbox
from shared.errors import InvariantViolation
from tests.makers import make_signal

CHAT = "-100"
ENTRY = make_signal()
LEAVE = make_signal(SignalKind.EXIT, revision=9)


def update(revision: int) -> Signal:
    return make_signal(SignalKind.UPDATE, revision=revision)


def queued(*signals: Signal, entry: OutboxEntry | None = None) -> OutboxEntry:
    for signal in signals:
        entry = outbox.enqueue(entry, signal, CHAT)
    return entry


def revisions(entry: OutboxEntry) -> list[int]:
    return [line.revision for line in entry.queue]


STEPS = {
    outbox.Step.ENQUEUE: lambda entry: outbox.enqueue(entry, LEAVE, CHAT),
    outbox.Step.BEGIN: lambda entry: outbox.begin(entry, 0),
    outbox.Step.DELIVERED: lambda entry: outbox.delivered(entry, 1, "d"),
    outbox.Step.RETRY_LATER: lambda entry: outbox.retry_later(entry, 5, "away"),
    outbox.Step.UNCERTAIN: lambda entry: outbox.uncertain(entry, 5, "no answer"),
    outbox.Step.REFUSED: lambda entry: outbox.refused(entry, "forbidden", 5, "no rights"),
    outbox.Step.DEAD: lambda entry: outbox.dead(entry, "given up"),
}


@pytest.mark.parametrize(("state", "step"), list(product(OutboxState, outbox.Step)))
def test_a_step_leads_only_where_the_table_says_and_otherwise_nothing_happens(state, step):
    entry = OutboxEntry(CHAT, ENTRY.signal_id, state=state, queue=(ENTRY,))
    allowed = outbox.TRANSITIONS.get((state, step))
    if allowed is None:
        with pytest.raises(InvariantViolation):
            STEPS[step](entry)
    else:
        assert STEPS[step](entry).state in allowed


@pytest.mark.parametrize(
    ("signals", "waiting"),
    [
        ([ENTRY], [0]),
        ([ENTRY, ENTRY], [0]),
        ([ENTRY, update(1), update(2)], [0, 2]),
        ([ENTRY, update(2), update(1)], [0, 2]),
        ([ENTRY, update(1), LEAVE], [0, 9]),
        ([LEAVE, ENTRY], [0, 9]),
        ([ENTRY, LEAVE, update(3)], [0, 9]),
        ([update(3), ENTRY], [0, 3]),
    ],
)
def test_what_waits_is_the_entry_then_the_newest_update_or_the_exit(signals, waiting):
    assert revisions(queued(*signals)) == waiting


def test_a_line_that_brings_nothing_new_leaves_the_very_same_entry():
    entry = queued(ENTRY, update(2))
    assert outbox.enqueue(entry, ENTRY, CHAT) is entry
    assert outbox.enqueue(entry, update(1), CHAT) is entry
    sent = outbox.delivered(outbox.begin(entry, 0), 7, "d")
    assert outbox.enqueue(sent, ENTRY, CHAT) is sent


def test_what_is_being_said_keeps_its_place_when_something_newer_comes():
    said = outbox.delivered(outbox.begin(queued(ENTRY, update(1)), 0), 7, "d")
    assert revisions(queued(update(2), LEAVE, entry=outbox.begin(said, 0))) == [1, 9]


def test_lines_of_another_signal_are_a_bug():
    with pytest.raises(InvariantViolation):
        outbox.enqueue(queued(ENTRY), make_signal(symbol="ETHUSDT"), CHAT)


def test_nothing_begins_before_its_time():
    waiting = outbox.retry_later(outbox.begin(queued(ENTRY), 0), 5_000, "away\nfor now")
    assert not outbox.is_due(waiting, 4_999)
    with pytest.raises(InvariantViolation):
        outbox.begin(waiting, 4_999)
    assert outbox.is_due(waiting, 5_000)
    assert waiting.last_error == "away for now"


def test_a_send_without_answer_is_repeated_once_marked_and_then_given_up():
    first = outbox.uncertain(outbox.begin(queued(ENTRY, LEAVE), 0), 0, "no answer")
    assert outbox.is_possible_repeat(first)
    away = outbox.retry_later(outbox.begin(first, 0), 0, "away")
    assert outbox.is_possible_repeat(away)
    second = outbox.uncertain(outbox.begin(away, 0), 0, "no answer")
    assert revisions(second) == [9]
    assert not outbox.is_possible_repeat(second)
    assert second.state is OutboxState.PENDING


def test_an_edit_without_answer_is_repeated_until_it_is_answered():
    entry = outbox.delivered(outbox.begin(queued(ENTRY, LEAVE), 0), 7, "d")
    for _ in range(outbox.MAX_ATTEMPTS * 2):
        entry = outbox.uncertain(outbox.begin(entry, 0), 0, "no answer")
        assert not outbox.is_possible_repeat(entry)
    assert entry.digest != "d"
    assert outbox.delivered(outbox.begin(entry, 0), 7, "e").state is OutboxState.SENT


@pytest.mark.parametrize("reason", ["not_found", "not_editable"])
def test_a_message_that_cannot_be_edited_is_sent_anew(reason):
    entry = outbox.delivered(outbox.begin(queued(ENTRY, LEAVE), 0), 7, "d")
    anew = outbox.refused(outbox.begin(entry, 0), reason, 60_000, "gone")
    assert (anew.message_id, anew.digest, anew.next_attempt) == (None, "", 0)
    assert not outbox.is_possible_repeat(anew)


def test_a_refusal_is_tried_again_for_a_while_then_the_next_line_has_its_turn():
    entry = queued(ENTRY, LEAVE)
    for _ in range(outbox.MAX_ATTEMPTS):
        assert revisions(entry) == [0, 9]
        entry = outbox.refused(outbox.begin(entry, 0), "forbidden", 0, "no rights")
    assert revisions(entry) == [9]
    assert entry.attempts == 0


def test_a_dead_entry_comes_back_with_the_exit():
    dead = outbox.dead(queued(ENTRY), "given up")
    assert dead.state is OutboxState.DEAD
    assert outbox.enqueue(dead, LEAVE, CHAT).state is OutboxState.PENDING


def test_exits_go_before_entries_before_updates_and_the_oldest_first():
    lines = [update(1), ENTRY, replace(ENTRY, time=ENTRY.time - 1), LEAVE]
    ranked = sorted((queued(line) for line in lines), key=outbox.rank)
    assert [entry.queue[0] for entry in ranked] == [LEAVE, lines[2], ENTRY, lines[0]]


def test_the_digest_tells_texts_and_buttons_apart():
    digests = {outbox.digest_of(*parts) for parts in (("a",), ("a", "b"), ("ab",), ("a", "b", "c"), ("a", "bc"))}
    assert len(digests) == 5


class Delivery(RuleBasedStateMachine):
    """One signal's life against a chat that loses answers, is away, refuses, and forgets messages; with crashes."""

    @initialize()
    def start(self):
        self.lines = [ENTRY, *(update(n) for n in range(1, 6)), LEAVE]
        self.entry = None
        self.chat = []  # (what, revision, marked): what was carried out, in order
        self.unsure = False  # a send may stand although nobody knows
        self.now = 0

    @rule(index=st.integers(0, 6))
    def arrive(self, index):
        self.entry = outbox.enqueue(self.entry, self.lines[index], CHAT)

    def _request(self, carried_out):
        self.entry = outbox.begin(self.entry, max(self.now, self.entry.next_attempt))
        method = "send" if self.entry.message_id is None else "edit"
        marked = outbox.is_possible_repeat(self.entry)
        if method == "send" and any(what == "send" for what, _, _ in self.chat):
            assert self.unsure or self.gone, "a second message without need"
        if carried_out:
            self.chat.append((method, self.entry.queue[0].revision, marked))
        return method

    gone = False

    def _may_send(self):
        return self.entry is not None and self.entry.state in (OutboxState.PENDING, OutboxState.UNCERTAIN)

    @precondition(_may_send)
    @rule()
    def answered(self):
        self._request(carried_out=True)
        self.entry = outbox.delivered(self.entry, self.entry.message_id or len(self.chat), str(len(self.chat)))
        self.unsure = self.gone = False

    @precondition(_may_send)
    @rule(carried_out=st.booleans())
    def answer_lost(self, carried_out):
        if self._request(carried_out) == "send":
            self.unsure = True
        self.entry = outbox.uncertain(self.entry, self.now, "no answer")

    @precondition(_may_send)
    @rule()
    def away(self):
        self._request(carried_out=False)
        self.entry = outbox.retry_later(self.entry, self.now + 10, "away")

    @precondition(lambda self: self._may_send() and self.entry.message_id is not None)
    @rule()
    def message_deleted(self):
        self._request(carried_out=False)
        self.entry = outbox.refused(self.entry, "not_found", self.now, "gone")
        self.gone = True

    @invariant()
    def nothing_older_follows_something_newer(self):
        told = [revision for _, revision, _ in getattr(self, "chat", [])]
        assert all(earlier <= later for earlier, later in pairwise(told))

    @invariant()
    def the_same_line_is_sent_twice_only_with_the_mark(self):
        sends = [(revision, marked) for what, revision, marked in getattr(self, "chat", []) if what == "send"]
        for revision in {revision for revision, _ in sends}:
            unmarked = [marked for other, marked in sends if other == revision and not marked]
            assert len(unmarked) <= 1

    def teardown(self):
        if getattr(self, "entry", None) is None:
            return
        exit_is_known = LEAVE in self.entry.queue
        while self._may_send():
            self.answered()
        if exit_is_known:
            assert self.chat[-1][1] == LEAVE.revision
            assert self.entry.state is OutboxState.SENT


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
