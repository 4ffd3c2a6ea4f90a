from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.domain.notice import Notice, NoticeKind, stale_id
from shared.domain.outbox_entry import FINISHED, Line, OutboxEntry, OutboxState, line_of
from shared.domain.signal import SignalKind
from shared.engine import outbox
from shared.errors import InvariantViolation
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_signal

CHAT = "-100"
TTL, LATE = 15 * MINUTE, MINUTE
ENTRY = line_of(make_signal())
LEAVE = line_of(make_signal(SignalKind.EXIT, revision=9))
TOLD = ENTRY.time


def update(revision: int, **fields) -> Line:
    fields.setdefault("time", TOLD + revision)
    return line_of(make_signal(SignalKind.UPDATE, revision=revision, **fields))


def outage(kind: NoticeKind = NoticeKind.STALE, time: int = START, **fields) -> Line:
    over = kind is NoticeKind.RESUMED
    return line_of(Notice(stale_id(EXCHANGE, START), int(over), kind, EXCHANGE, (SYMBOL,), time, START, **fields))


def taken_in(entry: OutboxEntry | None, line: Line, now: int = TOLD) -> OutboxEntry:
    return outbox.enqueue(entry, line, CHAT, now, TTL)


def queued(*lines: Line, entry: OutboxEntry | None = None) -> OutboxEntry:
    for line in lines:
        entry = taken_in(entry, line)
    return entry


def begun(entry: OutboxEntry, now: int = TOLD, newest: int | None = None) -> OutboxEntry:
    return outbox.begin(entry, now, LATE, newest)


def lost(*lines: Line, newest: int = 40) -> OutboxEntry:
    """A send without an answer, in a chat that can be searched."""
    return outbox.uncertain(begun(queued(*lines), newest=newest), 0, "no answer")


def revisions(entry: OutboxEntry) -> list[int]:
    return [line.revision for line in entry.queue]


STEPS = {
    outbox.Step.ENQUEUE: lambda entry: taken_in(entry, LEAVE),
    outbox.Step.BEGIN: begun,
    outbox.Step.DELIVERED: lambda entry: outbox.delivered(entry, 1, "d"),
    outbox.Step.RETRY_LATER: lambda entry: outbox.retry_later(entry, 5, "away"),
    outbox.Step.UNCERTAIN: lambda entry: outbox.uncertain(entry, 5, "no answer"),
    outbox.Step.REFUSED: lambda entry: outbox.refused(entry, "forbidden", 5, "no rights"),
    outbox.Step.FOUND: lambda entry: outbox.found(entry, 1, "d"),
    outbox.Step.NOT_FOUND: outbox.not_found,
    outbox.Step.UNSEEN: outbox.unseen,
    outbox.Step.DEAD: lambda entry: outbox.dead(entry, "given up"),
}


@pytest.mark.parametrize(("state", "step"), list(product(OutboxState, outbox.Step)))
def test_a_step_leads_only_where_the_table_says_and_otherwise_nothing_happens(state, step):
    entry = OutboxEntry(CHAT, ENTRY.subject, state=state, queue=(ENTRY,))
    allowed = outbox.TRANSITIONS.get((state, step))
    if allowed is None:
        with pytest.raises(InvariantViolation):
            STEPS[step](entry)
    else:
        assert STEPS[step](entry).state in allowed


def test_lines_of_another_signal_are_a_bug():
    with pytest.raises(InvariantViolation):
        outbox.enqueue(queued(ENTRY), line_of(make_signal(symbol="ETHUSDT")), CHAT, TOLD, TTL)


def test_nothing_begins_before_its_time():
    waiting = outbox.retry_later(begun(queued(ENTRY)), TOLD + 5_000, "away\nfor now")
    assert not outbox.is_due(waiting, TOLD + 4_999)
    with pytest.raises(InvariantViolation):
        begun(waiting, TOLD + 4_999)
    assert outbox.is_due(waiting, TOLD + 5_000)
    assert waiting.last_error == "away for now"


def test_a_send_without_answer_is_repeated_marked_and_then_given_up():
    entry = outbox.uncertain(begun(queued(ENTRY, LEAVE)), 0, "no answer")
    assert outbox.is_possible_repeat(entry)
    entry = outbox.retry_later(begun(entry), 0, "away")
    assert outbox.is_possible_repeat(entry)
    for _ in range(outbox.MAX_SENDS - 1):
        assert revisions(entry) == [0, 9]
        entry = outbox.uncertain(begun(entry), 0, "no answer")
    assert revisions(entry) == [9]
    assert entry.state is OutboxState.PENDING


def test_what_is_said_after_a_send_that_was_given_up_is_a_possible_repeat():
    entry = queued(ENTRY)
    for _ in range(outbox.MAX_SENDS):
        entry = outbox.uncertain(begun(entry), 0, "no answer")
    assert entry.state is OutboxState.DEAD
    assert outbox.is_possible_repeat(begun(taken_in(entry, LEAVE), newest=50))


def test_an_edit_without_answer_is_repeated_until_it_is_answered():
    entry = outbox.delivered(begun(queued(ENTRY, LEAVE)), 7, "d")
    for _ in range(outbox.MAX_ATTEMPTS * 2):
        entry = outbox.uncertain(begun(entry), 0, "no answer")
        assert not outbox.is_possible_repeat(entry)
    assert entry.digest != "d"
    assert outbox.delivered(begun(entry), 7, "e").state is OutboxState.SENT


@pytest.mark.parametrize("reason", ["not_found", "not_editable"])
def test_a_message_that_cannot_be_edited_is_sent_anew(reason):
    entry = outbox.delivered(begun(queued(ENTRY, LEAVE)), 7, "d")
    anew = outbox.refused(begun(entry), reason, 60_000, "gone")
    assert (anew.message_id, anew.digest, anew.next_attempt) == (None, "", 0)
    assert not outbox.is_possible_repeat(anew)


def test_a_refusal_is_tried_again_for_a_while_then_the_next_line_has_its_turn():
    entry = queued(ENTRY, LEAVE)
    for _ in range(outbox.MAX_ATTEMPTS):
        assert revisions(entry) == [0, 9]
        entry = outbox.refused(begun(entry), "forbidden", 0, "no rights")
    assert revisions(entry) == [9]
    assert entry.attempts == 0


def test_a_dead_entry_comes_back_with_the_exit():
    dead = outbox.dead(queued(ENTRY), "given up")
    assert dead.state is OutboxState.DEAD
    assert taken_in(dead, LEAVE).state is OutboxState.PENDING


def test_exits_go_before_entries_before_notices_before_updates_and_the_oldest_first():
    lines = [update(1), ENTRY, replace(ENTRY, time=ENTRY.time - 1), LEAVE, outage()]
    ranked = sorted((queued(line) for line in lines), key=outbox.rank)
    assert [entry.queue[0] for entry in ranked] == [LEAVE, lines[2], ENTRY, outage(), lines[0]]


def test_the_digest_tells_texts_and_buttons_apart():
    digests = {outbox.digest_of(*parts) for parts in (("a",), ("a", "b"), ("ab",), ("a", "b", "c"), ("a", "bc"))}
    assert len(digests) == 5


@pytest.mark.parametrize(("age", "late"), [(0, 0), (LATE, 0), (LATE + 1, LATE + 1), (192_000, 192_000)])
def test_a_line_says_that_it_is_late_by_its_age_when_the_request_begins(age, late):
    assert begun(queued(ENTRY), TOLD + age).late == late


def test_a_request_that_is_made_again_says_how_late_it_is_by_then():
    away = outbox.retry_later(begun(queued(ENTRY)), 0, "away")
    assert begun(away, TOLD + 2 * LATE).late == 2 * LATE


@pytest.mark.parametrize("told_late", [0, 3 * LATE])
def test_a_line_that_repeats_what_is_told_is_as_late_as_that_was(told_late):
    sent = outbox.delivered(begun(queued(ENTRY), TOLD + told_late), 7, "d")
    revised = line_of(make_signal(revision=1, data_revised=(START,)))
    assert begun(taken_in(sent, revised, TOLD + 90 * LATE), TOLD + 90 * LATE).late == told_late


@pytest.mark.parametrize(
    ("line", "age", "told"),
    [
        (ENTRY, TTL, True),
        (ENTRY, TTL + 1, False),
        (LEAVE, TTL, True),
        (LEAVE, TTL + 1, False),
        (update(3), TTL + 1, False),
        (outage(), 90 * TTL, True),
        (outage(NoticeKind.RESUMED), TTL, True),
        (outage(NoticeKind.RESUMED), TTL + 1, False),
    ],
)
def test_the_first_line_that_comes_decides_whether_anything_is_told(line, age, told):
    since = line.time if line.notice else TOLD
    entry = taken_in(None, line, since + age)
    assert entry.state is (OutboxState.PENDING if told else OutboxState.EXPIRED)
    assert revisions(entry) == ([line.revision] if told else [])


def test_of_a_signal_that_has_expired_nothing_is_told_however_much_comes():
    expired = taken_in(None, ENTRY, TOLD + TTL + 1)
    after = taken_in(expired, LEAVE)
    assert (after.state, after.queue, after.delivered_revision) == (OutboxState.EXPIRED, (), LEAVE.revision)
    assert taken_in(after, update(3)) is after
    assert taken_in(after, LEAVE) is after


@pytest.mark.parametrize("delivered", [True, False])
def test_the_exit_of_a_signal_that_is_told_is_told_however_late(delivered):
    entry = queued(ENTRY)
    if delivered:
        entry = outbox.delivered(begun(entry), 7, "d")
    assert LEAVE in taken_in(entry, LEAVE, TOLD + 99 * TTL).queue


def test_an_entry_that_comes_behind_its_exit_is_told_while_it_is_young():
    overtaken = queued(LEAVE)
    assert revisions(taken_in(overtaken, ENTRY)) == [0, 9]
    assert taken_in(overtaken, ENTRY, TOLD + TTL + 1) is overtaken
    assert taken_in(begun(overtaken), ENTRY).queue == (LEAVE,)


def test_the_end_of_an_outage_replaces_its_announcement_before_and_edits_it_after_it_was_sent():
    over = outage(NoticeKind.RESUMED, START + MINUTE)
    assert queued(outage(), over).queue == (over,)
    told = outbox.delivered(begun(queued(outage())), 7, "d")
    again = begun(taken_in(told, over, START + 99 * TTL))
    assert (again.queue, again.message_id) == ((over,), 7)


def test_a_lost_send_is_looked_for_before_anything_is_sent():
    entry = lost(ENTRY, LEAVE)
    assert (outbox.is_findable(entry), outbox.is_possible_repeat(entry)) == (True, False)
    assert entry.after_message_id == 40
    with pytest.raises(InvariantViolation, match="look for it"):
        begun(entry)


def test_a_message_that_is_found_is_delivered():
    entry = outbox.found(lost(ENTRY, LEAVE), 42, "d")
    assert (entry.message_id, entry.delivered_revision, entry.digest, revisions(entry)) == (42, 0, "d", [9])
    assert entry.after_message_id is None


def test_a_message_that_is_not_found_is_sent_as_if_for_the_first_time():
    entry = outbox.not_found(lost(ENTRY))
    assert not outbox.is_possible_repeat(entry)
    assert begun(entry, newest=44).after_message_id == 44


def test_where_nothing_can_be_looked_at_the_send_is_repeated_marked():
    entry = outbox.unseen(lost(ENTRY, LEAVE))
    for _ in range(outbox.MAX_SENDS - 1):
        assert outbox.is_possible_repeat(entry)
        entry = outbox.uncertain(begun(entry, newest=50), 0, "no answer")
    assert revisions(entry) == [9]


def test_a_message_that_says_something_else_gets_the_head_edited_in_as_late_as_it_was():
    met = outbox.found(lost(ENTRY), 42, None)
    edit = begun(met, TOLD + 9 * LATE, newest=50)
    assert (edit.message_id, edit.late, revisions(edit)) == (42, 0, [0])
    assert outbox.delivered(edit, 42, "d").state is OutboxState.SENT


def test_when_that_is_not_ours_to_edit_the_search_goes_on_behind_it():
    edit = begun(outbox.found(lost(ENTRY), 42, None))
    entry = outbox.refused(edit, "not_editable", 0, "somebody else's")
    assert outbox.is_findable(entry)
    assert (entry.message_id, entry.after_message_id) == (None, 42)


def test_what_may_stand_in_the_chat_keeps_its_place_whatever_comes():
    entry = taken_in(lost(update(3)), update(4))
    assert revisions(entry) == [3, 4]
    assert revisions(outbox.found(entry, 42, "d")) == [4]


class Delivery(RuleBasedStateMachine):
    """One signal's life against a chat that loses answers, is away, refuses, and forgets messages; with crashes."""

    gone = False

    @initialize(searchable=st.booleans())
    def start(self, searchable):
        self.searchable = searchable
        self.lines = [ENTRY, *(update(n) for n in range(1, 6)), LEAVE]
        self.entry = None
        self.chat = []  # (what, revision, marked): what was carried out, in order
        self.standing = None  # id of the message that stands, and its revision
        self.unsure = False  # a send may stand although nobody knows

    @rule(index=st.integers(0, 6))
    def arrive(self, index):
        self.entry = taken_in(self.entry, self.lines[index])

    def _request(self, carried_out):
        now = max(TOLD, self.entry.next_attempt)
        self.entry = begun(self.entry, now, len(self.chat) if self.searchable else None)
        method = "send" if self.entry.message_id is None else "edit"
        marked = outbox.is_possible_repeat(self.entry)
        if method == "send" and any(what == "send" for what, _, _ in self.chat):
            assert self.unsure or self.gone, "a second message without need"
            assert not self.searchable or self.standing is None, "a second message although the first could be found"
        if carried_out:
            self.chat.append((method, self.entry.queue[0].revision, marked))
            message_id = len(self.chat) if method == "send" else self.standing[0]
            self.standing = (message_id, self.entry.queue[0].revision)
        return method

    def _may_send(self):
        waiting = self.entry is not None and self.entry.state in (OutboxState.PENDING, OutboxState.UNCERTAIN)
        return waiting and not outbox.is_findable(self.entry)

    def _is_lost(self):
        return self.entry is not None and outbox.is_findable(self.entry)

    @precondition(_may_send)
    @rule()
    def answered(self):
        self._request(carried_out=True)
        self.entry = outbox.delivered(self.entry, self.standing[0], str(len(self.chat)))
        self.unsure = self.gone = False

    @precondition(_may_send)
    @rule(carried_out=st.booleans())
    def answer_lost(self, carried_out):
        if self._request(carried_out) == "send":
            self.unsure = True
        self.entry = outbox.uncertain(self.entry, TOLD, "no answer")

    @precondition(_may_send)
    @rule()
    def away(self):
        self._request(carried_out=False)
        self.entry = outbox.retry_later(self.entry, TOLD + 10, "away")

    @precondition(_is_lost)
    @rule()
    def searched(self):
        stands = self.standing is not None and self.standing[0] > self.entry.after_message_id
        self.entry = outbox.found(self.entry, self.standing[0], "d") if stands else outbox.not_found(self.entry)
        self.unsure = False

    @precondition(lambda self: self._may_send() and self.entry.message_id is not None)
    @rule()
    def message_deleted(self):
        self._request(carried_out=False)
        self.entry = outbox.refused(self.entry, "not_found", TOLD, "gone")
        self.gone, self.standing = True, None

    @invariant()
    def nothing_older_follows_something_newer(self):
        told = [revision for _, revision, _ in getattr(self, "chat", [])]
        assert all(earlier <= later for earlier, later in pairwise(told))

    @invariant()
    def the_same_line_is_sent_twice_only_with_the_mark(self):
        sends = [(revision, marked) for what, revision, marked in getattr(self, "chat", []) if what == "send"]
        for revision in {revision for revision, _ in sends}:
            unmarked = [marked for other, marked in sends if other == revision and not marked]
            assert len(unmarked) <= 1 + self.gone

    @invariant()
    def a_chat_that_can_be_searched_sees_no_mark(self):
        assert not (getattr(self, "searchable", False) and any(marked for _, _, marked in self.chat))

    def teardown(self):
        if getattr(self, "entry", None) is None:
            return
        exit_is_known = LEAVE in self.entry.queue
        while self.entry.state not in FINISHED:
            if self._is_lost():
                self.searched()
            else:
                self.answered()
        if exit_is_known:
            assert self.standing[1] == LEAVE.revision
            assert self.entry.state is OutboxState.SENT


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
