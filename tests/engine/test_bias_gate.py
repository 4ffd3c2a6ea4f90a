"""The gate's hysteresis as a table, and what holds for any series of biases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.book import Book, BookKey
from shared.domain.macro_bias import BiasDirection
from shared.domain.signal import Side
from shared.engine.bias_gate import START as EMPTY
from shared.engine.bias_gate import Gate, GateLimits, adopt, remembered, step, verdict, with_memory
from shared.errors import InvalidInput
from shared.messages.codec import from_json, to_json
from tests.engine.macro_markets import FIVE, HOUR, make_bias
from tests.makers import EXCHANGE, START, SYMBOL

LIMITS = GateLimits()
BOOK = Book(BookKey("rsi_divergence", EXCHANGE, SYMBOL))
LONG, SHORT, NEUTRAL = BiasDirection


def fold(biases, state=EMPTY):
    """The active directions after each bias, five minutes apart."""
    active = []
    for number, (direction, confidence) in enumerate(biases):
        bias = make_bias(START + number * FIVE, direction=direction, confidence=confidence)
        state = step(state, bias, LIMITS)
        active.append(state.active)
    return active


@pytest.mark.parametrize(
    ("biases", "active"),
    [
        ([(LONG, 79.9)], [NEUTRAL]),
        ([(LONG, 80.0)], [LONG]),
        ([(LONG, 79.9), (LONG, 80.0), (LONG, 75.0), (LONG, 70.0)], [NEUTRAL, LONG, LONG, LONG]),
        ([(LONG, 80.0), (LONG, 69.9), (LONG, 75.0), (LONG, 80.0)], [LONG, NEUTRAL, NEUTRAL, LONG]),
        ([(LONG, 90.0), (SHORT, 79.0), (LONG, 75.0)], [LONG, NEUTRAL, NEUTRAL]),
        ([(LONG, 90.0), (SHORT, 80.0), (SHORT, 70.0)], [LONG, SHORT, SHORT]),
        ([(LONG, 90.0), (NEUTRAL, 54.0), (LONG, 75.0)], [LONG, NEUTRAL, NEUTRAL]),
        ([(SHORT, 100.0), (SHORT, 0.0)], [SHORT, NEUTRAL]),
        ([(NEUTRAL, 99.0)], [NEUTRAL]),
    ],
)
def test_a_direction_needs_80_to_become_active_and_70_to_stay(biases, active):
    assert fold(biases) == active


@pytest.mark.parametrize(
    ("direction", "side", "gate", "size"),
    [
        (LONG, Side.LONG, Gate.ALIGNED, 1.0),
        (LONG, Side.SHORT, Gate.BLOCKED, 0.0),
        (SHORT, Side.SHORT, Gate.ALIGNED, 1.0),
        (SHORT, Side.LONG, Gate.BLOCKED, 0.0),
    ],
)
def test_an_opposite_bias_blocks_and_an_aligned_one_passes(direction, side, gate, size):
    bias = make_bias(direction=direction)
    said = verdict(step(EMPTY, bias, LIMITS), side, bias.time, LIMITS)
    assert (said.gate, said.size, said.bias_id) == (gate, size, bias.bias_id)
    assert f"the macro bias is {direction} (confidence 85, kept down to 70)" in said.words
    assert ("against" in said.words) == (gate is Gate.BLOCKED)


@pytest.mark.parametrize("side", Side)
def test_without_an_active_direction_everything_passes_at_the_neutral_size_and_says_why(side):
    bias = make_bias(confidence=79.0)
    waiting = step(EMPTY, bias, LIMITS)
    active = step(EMPTY, make_bias(), LIMITS)
    said = [
        verdict(EMPTY, side, START, LIMITS),
        verdict(waiting, side, bias.time, LIMITS),
        verdict(active, side, active.expires_at + 3 * 60_000, LIMITS),
    ]
    assert {(each.gate, each.size) for each in said} == {(Gate.NEUTRAL, 1.0)}
    assert [each.words for each in said] == [
        "no macro bias has come yet",
        "no macro direction is active (confidence 79, active from 80)",
        "the macro bias is stale: it ran out 3 min ago",
    ]


def test_a_bias_holds_to_the_millisecond_and_not_longer():
    state = step(EMPTY, make_bias(), LIMITS)
    assert verdict(state, Side.SHORT, state.expires_at - 1, LIMITS).gate is Gate.BLOCKED
    assert verdict(state, Side.SHORT, state.expires_at, LIMITS).gate is Gate.NEUTRAL


def test_after_it_ran_out_a_direction_must_become_active_anew():
    state = step(EMPTY, make_bias(), LIMITS)
    late = make_bias(START + 4 * HOUR, confidence=75.0)
    assert late.time == state.expires_at
    assert step(state, late, LIMITS).active is NEUTRAL
    assert step(state, make_bias(START + 4 * HOUR - FIVE, confidence=75.0), LIMITS).active is LONG


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"activate": 60.0}, "release 70 and activate 60"),
        ({"activate": 101.0}, "activate 101"),
        ({"release": -1.0}, "release -1"),
        ({"neutral_size": 1.5}, "neutral_size 1.5"),
    ],
)
def test_limits_that_make_no_sense_are_named(values, words):
    with pytest.raises(InvalidInput, match=words):
        GateLimits(**values)


numbers = st.integers(0, 60)
biases = st.builds(
    make_bias,
    open_time=numbers.map(lambda number: START + number * FIVE),
    direction=st.sampled_from(BiasDirection),
    confidence=st.floats(0, 100, allow_nan=False),
)


@given(st.lists(biases, max_size=12))
def test_what_is_repeated_or_late_changes_nothing(series):
    state = EMPTY
    for bias in series:
        state = step(state, bias, LIMITS)
        assert state.time >= bias.time
    for bias in series:
        assert step(state, bias, LIMITS) == state


@given(st.lists(biases, max_size=12), numbers)
def test_never_both_sides_are_blocked_and_never_both_aligned(series, later):
    state = EMPTY
    for bias in series:
        state = step(state, bias, LIMITS)
    said = [verdict(state, side, START + later * FIVE, LIMITS).gate for side in Side]
    assert set(said) in ({Gate.NEUTRAL}, {Gate.ALIGNED, Gate.BLOCKED})


@given(st.lists(biases, max_size=12))
def test_an_active_direction_has_been_confirmed_at_least_once_since_it_was_last_released(series):
    state, confirmed = EMPTY, NEUTRAL
    for bias in series:
        before, state = state, step(state, bias, LIMITS)
        if bias.confidence >= LIMITS.activate and state is not before:
            confirmed = bias.direction
        assert state.active in (NEUTRAL, confirmed)
        assert state.active is NEUTRAL or state.confidence >= LIMITS.release


@given(biases)
def test_a_state_survives_json(bias):
    book = adopt(BOOK, step(EMPTY, bias, LIMITS))
    again = from_json(to_json(book), Book)
    assert again == book
    assert remembered(again) == step(EMPTY, bias, LIMITS)


def test_a_book_takes_over_what_is_newer_and_nothing_else():
    older, newer = step(EMPTY, make_bias(), LIMITS), step(EMPTY, make_bias(START + FIVE), LIMITS)
    assert adopt(BOOK, EMPTY) is BOOK
    book = adopt(BOOK, newer)
    assert remembered(book) == newer
    assert adopt(book, newer) is book
    assert adopt(book, older) is book
    assert remembered(adopt(adopt(BOOK, older), newer)) == newer
    assert with_memory(BOOK.state, EMPTY) == {}


@pytest.mark.parametrize(
    ("side", "record"),
    [
        (Side.LONG, {"gate": "aligned", "size": 1.0, "direction": "LONG", "confidence": 85.0}),
        (Side.SHORT, {"gate": "blocked", "size": 0.0, "direction": "LONG", "confidence": 85.0}),
    ],
)
def test_the_record_names_everything_the_verdict_rests_on_as_plain_values(side, record):
    bias = make_bias()
    said = verdict(step(EMPTY, bias, LIMITS), side, bias.time, LIMITS)
    known = {"words": said.words, "bias_id": bias.bias_id}
    assert said.record() == record | known
    assert {type(value) for value in said.record().values()} == {str, float}
