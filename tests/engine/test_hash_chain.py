"""A chain that nobody touched is intact; whatever is done to one stored line is found and named."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.signal import ExitReason, Side, SignalKind
from shared.engine.hash_chain import canonical, check_chain, digest, head_behind, tied
from tests.makers import MINUTE, START, make_signal

CHANGES = {
    "kind": SignalKind.UPDATE,
    "signal_id": "s/BTCUSDT/1/LONG",
    "revision": 9,
    "strategy": "other",
    "exchange": "other",
    "symbol": "ETHUSDT",
    "side": Side.SHORT,
    "time": START,
    "open_time": START - MINUTE,
    "price": 100.00000000000001,
    "take_profit": 102.0,
    "stop_loss": 90.0,
    "entry_time": START,
    "entry_price": 99.0,
    "reason": ExitReason.TIME_STOP,
    "pnl_pct": 99.0,
    "ambiguous": True,
    "data_revised": (START,),
    "decision": {"rsi": 20.0},
    "previous": "0" * 64,
}

unhurried = settings(deadline=None)


def chain(count, head=""):
    """`count` lines said one after another: entries and exits in turn, and the head behind them."""
    lines = []
    for number in range(count):
        kind = (SignalKind.ENTRY, SignalKind.EXIT)[number % 2]
        line = make_signal(kind, START + number // 2 * 10 * MINUTE, revision=number % 2, decision={"rsi": 25.5})
        line, head = tied(head, line)
        lines.append(line)
    return lines, head


def looked_at(lines, head):
    return check_chain(lines, head, "book")


@unhurried
@given(st.integers(0, 9), st.randoms(use_true_random=False))
def test_a_chain_that_nobody_touched_is_intact_in_whatever_order_it_is_read(count, random):
    lines, head = chain(count)
    random.shuffle(lines)
    found = looked_at(lines, head)
    assert (found.chained, found.unchained, found.faults) == (count, [], [])


@unhurried
@given(st.integers(1, 9), st.data())
def test_any_change_of_any_line_is_found_and_the_line_is_named(count, data):
    lines, head = chain(count)
    index = data.draw(st.integers(0, count - 1))
    name = data.draw(st.sampled_from(sorted(CHANGES)))
    forged = replace(lines[index], **{name: CHANGES[name]})
    if forged == lines[index]:
        return
    lines[index] = forged
    faults = looked_at(lines, head).faults
    assert any(f"{forged.signal_id} revision {forged.revision}" in fault for fault in faults)


@unhurried
@given(st.integers(1, 9), st.data())
def test_a_removed_line_is_found_also_the_last_one(count, data):
    lines, head = chain(count)
    index = data.draw(st.integers(0, count - 1))
    del lines[index]
    faults = looked_at(lines, head).faults
    follower = "book: its last line" if index == count - 1 else f"{lines[index].signal_id} revision"
    assert any(fault.startswith(follower) for fault in faults)


@unhurried
@given(st.integers(1, 9), st.data())
def test_an_inserted_line_is_found(count, data):
    lines, head = chain(count)
    place = data.draw(st.integers(0, count))
    hashes = ["", "f" * 64, *map(digest, lines)]
    forged = make_signal(open_time=START + 7 * MINUTE, previous=data.draw(st.sampled_from(hashes)))
    found = looked_at([*lines[:place], forged, *lines[place:]], head)
    assert any(forged.signal_id in fault for fault in found.faults)


@unhurried
@given(st.integers(2, 9), st.data())
def test_lines_that_change_places_are_found(count, data):
    lines, head = chain(count)
    one, other = data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True))
    lines[one], lines[other] = (
        replace(lines[one], previous=lines[other].previous, time=lines[other].time),
        replace(lines[other], previous=lines[one].previous, time=lines[one].time),
    )
    assert looked_at(lines, head).faults


@unhurried
@given(st.integers(1, 9), st.integers(1, 9))
def test_a_log_that_lost_its_end_is_told_by_the_book(count, lost):
    lines, head = chain(count)
    assert any("book: its last line" in fault for fault in looked_at(lines[: max(0, count - lost)], head).faults)


def test_lines_from_before_the_chain_are_counted_apart():
    old = make_signal(open_time=START - 60 * MINUTE)
    lines, head = chain(4)
    found = looked_at([old, *lines], head)
    assert (found.chained, found.unchained, found.faults) == (4, [f"{old.signal_id} revision 0"], [])
    assert looked_at([old], "").unchained == [f"{old.signal_id} revision 0"]


def test_a_line_that_nobody_tied_after_the_chain_began_is_a_fault():
    lines, head = chain(4)
    assert looked_at([*lines, make_signal(open_time=START + 90 * MINUTE)], head).faults


def test_a_line_made_again_after_a_crash_is_the_same_line():
    lines, head = chain(3)
    assert tied(head, make_signal(price=7.0)) == tied(head, make_signal(price=7.0))
    again, new_head = tied(lines[1].previous, replace(lines[1], previous=""))
    assert (again, new_head) == (lines[1], digest(lines[1]))


def test_a_line_that_was_logged_before_its_book_moves_the_head_and_a_known_one_does_not():
    lines, head = chain(3)
    logged, _ = tied(head, make_signal(price=7.0))
    assert head_behind(head, logged) == digest(logged)
    assert [head_behind(head, line) for line in lines] == [head] * 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"price": 100}, {"price": 100.0}),
        ({"decision": {"a": (1, 2), "b": 3}}, {"decision": {"b": 3, "a": [1, 2]}}),
        ({"decision": {"a": float("nan")}}, {"decision": {"a": None}}),
        ({"decision": {1: 2}}, {"decision": {"1": 2}}),
    ],
)
def test_what_stores_give_back_alike_has_one_canonical_form(one, other):
    assert canonical(make_signal(**one)) == canonical(make_signal(**other))


@pytest.mark.parametrize(
    ("one", "other"), [(3, 3.0), (0.0, -0.0), (0.1 + 0.2, 0.3), (True, 1), ("1", 1), (None, 0), ([], {})]
)
def test_what_differs_in_one_bit_differs(one, other):
    assert digest(make_signal(decision={"a": one})) != digest(make_signal(decision={"a": other}))


def test_a_field_that_is_added_later_changes_no_old_hash():
    told = json.loads(canonical(make_signal()))
    assert not {"reason", "pnl_pct", "ambiguous", "data_revised", "decision", "previous"} & set(told)
    assert digest(make_signal()) == "de1b9fd1141aa7e0cb7fcbb0c65400946b258eb78ed75bcff7685f83b8a474b1"
