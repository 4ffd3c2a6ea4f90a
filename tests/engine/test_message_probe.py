import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.message_probe import GAP, Finding, MessageProbe, Verdict

MARK, SAID = "ab12cd", "LONG BTC/USDT Entry: 100 · ab12cd"
OURS = "LONG  BTC/USDT\nEntry: 100 · ab12cd "
OLDER = "✅ Take profit LONG BTC/USDT · ab12cd"
FOREIGN = st.sampled_from(["hello", "", "ab12cde", "SHORT BTC/USDT · 99ffee", "LONG BTC/USDT Entry: 100 · 99ffee"])


def search(chat, after=40, refused=()):
    """The finding in a chat of id: text, and the ids that were looked at."""
    probe, looked = MessageProbe(after, MARK, SAID), []
    while (wanted := probe.wanted) is not None:
        looked.append(wanted)
        if wanted in refused:
            probe.was_refused()
        else:
            probe.saw(chat.get(wanted))
    return probe.finding, looked


def test_an_empty_chat_is_looked_at_for_one_gap():
    assert search({}) == (Finding(Verdict.ABSENT, 40), list(range(41, 41 + GAP)))


def test_the_message_is_found_at_once_and_the_search_ends():
    assert search({41: OURS, 42: "hello"}) == (Finding(Verdict.SAME, 41, 41), [41])


def test_what_stood_before_the_send_is_not_looked_at():
    finding, looked = search({39: OURS, 40: OURS})
    assert finding.verdict is Verdict.ABSENT
    assert min(looked) == 41


def test_the_mark_counts_as_a_word_only():
    assert search({41: OURS.replace(MARK, MARK + "0")})[0] == Finding(Verdict.ABSENT, 41)


def test_the_message_that_says_what_was_sent_is_preferred_to_another_of_the_signal():
    assert search({41: OLDER, 45: OURS})[0] == Finding(Verdict.SAME, 45, 45)
    assert search({41: OLDER, 45: "hello"})[0] == Finding(Verdict.OTHER, 45, 41)


def test_a_message_that_may_not_be_looked_at_leaves_it_open():
    assert search({42: "hello"}, refused={41})[0] == Finding(Verdict.UNKNOWN, 42)
    assert search({42: OURS}, refused={41})[0] == Finding(Verdict.SAME, 42, 42)


POSTS = st.lists(st.tuples(st.integers(0, GAP - 1), FOREIGN), max_size=12)


@given(before=POSTS, after=POSTS, gap=st.integers(0, GAP - 1), executed=st.booleans(), start=st.integers(0, 10**6))
def test_whatever_was_posted_and_deleted_around_it_the_verdict_is_right(before, after, gap, executed, start):
    """`before` was posted by others between the newest known id and the send (or its late execution), `after` behind
    it; each post has deleted ids before it."""
    chat, at, sent = {}, start, None
    for deleted, text in before:
        at += deleted + 1
        chat[at] = text
    if executed:
        at += gap + 1
        chat[at], sent = OURS, at
    for deleted, text in after:
        at += deleted + 1
        chat[at] = text
    finding, looked = search(chat, start)
    assert (finding.verdict, finding.message_id) == ((Verdict.SAME, sent) if executed else (Verdict.ABSENT, None))
    assert looked == list(range(start + 1, looked[-1] + 1))
    assert finding.newest == (sent or max(chat, default=start))


@given(executions=st.lists(st.booleans(), min_size=2, max_size=6), posts=st.lists(POSTS, min_size=6, max_size=6))
def test_sends_that_are_repeated_only_when_nothing_is_found_leave_one_message(executions, posts):
    """A send is tried again and again; each attempt is carried out or not, and never answers."""
    chat, newest, at = {}, 0, 0
    for executed, others in zip(executions, posts, strict=False):
        if executed:
            at += 1
            chat[at] = OURS
        for deleted, text in others:
            at += deleted + 1
            chat[at] = text
        finding, _ = search(chat, newest)
        newest = finding.newest
        if finding.verdict is Verdict.SAME:
            break
    assert list(chat.values()).count(OURS) == int(any(executions))


@pytest.mark.parametrize("deleted", [GAP, GAP + 5])
def test_a_longer_gap_hides_what_is_behind_it(deleted):
    assert search({41 + deleted: OURS})[0].verdict is Verdict.ABSENT
