"""The local clock against the venue's: late frames are no wrong clock for long, a clock that was set is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.clock_offset import ClockOffset
from tests.makers import START


def live(machine: ClockOffset, frames: int, ahead: int, delay: int = 20) -> None:
    """Frames through a network that delays them, seen by a clock that is `ahead`."""
    for number in range(frames):
        machine.saw_frame(START + number, START + number + delay + number % 7 + ahead)


def ask(machine: ClockOffset, ahead: int, there: int = 10, back: int = 10) -> None:
    machine.was_told(START + ahead, START + there, START + there + back + ahead)


def test_without_evidence_nothing_is_known():
    assert ClockOffset().value is None


def test_frames_alone_show_the_offset_and_their_delay_together():
    machine = ClockOffset()
    live(machine, 10, ahead=300)
    assert machine.value == 320


def test_an_answer_shows_the_offset_within_half_its_round_trip():
    machine = ClockOffset()
    ask(machine, ahead=-700, there=30, back=10)
    assert machine.value == -710


@pytest.mark.parametrize("frames", [1, 31, 32, 500])
def test_after_an_answer_the_delay_of_frames_no_longer_counts(frames):
    machine = ClockOffset()
    live(machine, 100, ahead=0, delay=3_000)
    ask(machine, ahead=0)
    live(machine, frames, ahead=0, delay=3_000)
    assert machine.value == 0


@pytest.mark.parametrize("jump", [-5_000, 5_000])
@pytest.mark.parametrize("frames_before", [5, 32, 200])
def test_a_clock_that_is_set_shows_with_the_next_frames(jump, frames_before):
    machine = ClockOffset()
    ask(machine, ahead=0)
    live(machine, frames_before, ahead=0)
    live(machine, 64, ahead=jump)
    live(machine, 64, ahead=jump)
    assert machine.value == pytest.approx(jump, abs=25)


@pytest.mark.parametrize("jump", [-5_000, 5_000])
def test_an_answer_right_after_the_clock_was_set_is_not_held_against_frames_before_it(jump):
    machine = ClockOffset()
    live(machine, 40, ahead=0)
    ask(machine, ahead=jump)
    live(machine, 40, ahead=jump)
    assert machine.value == pytest.approx(jump, abs=25)


@given(
    st.integers(-10_000, 10_000),
    st.lists(st.integers(0, 400), min_size=32, max_size=80),
    st.integers(0, 400),
    st.integers(0, 400),
)
def test_the_error_is_never_larger_than_the_delays_allow(ahead, delays, there, back):
    machine = ClockOffset()
    ask(machine, ahead, there, back)
    for delay in delays:
        machine.saw_frame(START, START + delay + ahead)
    assert abs(machine.value - ahead) <= max(there, back) + max(delays)
