"""Silence is judged by topic; the venue's clock is never guessed on the dangerous side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.feed_watch import LocalTime, TopicWatch, VenueTime, WatchLimits

LIMITS = WatchLimits(silence=30, topic_silence=60, topic_gaps=30)


def trade_every(watch: TopicWatch, gaps: dict[str, float], start: float, end: float) -> None:
    """Trades of each symbol at its own pace."""
    times = sorted(
        (start + gap * count, symbol)
        for symbol, gap in gaps.items()
        for count in range(1, int((end - start) / gap) + 1)
    )
    for at, symbol in times:
        watch.saw(symbol, at)


def begun(*symbols: str) -> TopicWatch:
    watch = TopicWatch(LIMITS)
    watch.begin(symbols, 0)
    return watch


def test_a_connection_that_never_delivers_is_given_up_after_the_silence():
    watch = begun("A", "B")
    assert watch.verdict(29.9) == ""
    assert watch.verdict(30) == "no trades of any symbol for 30 s although the socket is alive"


def test_a_liquid_topic_that_falls_silent_is_named_while_others_trade():
    watch = begun("A", "B")
    trade_every(watch, {"A": 0.5, "B": 1}, 0, 100)
    trade_every(watch, {"A": 0.5}, 100, 159)
    assert watch.verdict(159) == ""
    trade_every(watch, {"A": 0.5}, 159, 161)
    assert watch.verdict(161) == "no trades of B for 61 s although the socket is alive"


def test_a_slow_topic_is_given_many_of_its_own_gaps():
    watch = begun("A", "B")
    trade_every(watch, {"A": 1, "B": 20}, 0, 400)
    trade_every(watch, {"A": 1}, 400, 999)
    assert watch.verdict(999) == ""
    trade_every(watch, {"A": 1}, 999, 1001)
    assert "B" in watch.verdict(1001)


def test_a_topic_that_stopped_for_good_costs_ever_fewer_reconnects():
    watch, now, faults = TopicWatch(LIMITS), 0.0, []
    for _ in range(4):
        watch.begin(["A", "DEAD"], now)
        start = now
        while not watch.verdict(now):
            now += 10
            watch.saw("A", now)
        faults.append(now - start)
    assert faults == [900, 1800, 3600, 7200]


def test_silence_of_all_is_waited_out_longer_each_time_until_data_comes():
    watch = begun("A")
    assert watch.verdict(30)
    watch.begin(["A"], 30)
    assert watch.verdict(89) == ""
    assert watch.verdict(90)
    watch.begin(["A"], 90)
    watch.saw("A", 91)
    assert watch.verdict(120) == ""
    assert watch.verdict(121)


def test_a_single_rarely_traded_symbol_is_learnt_across_connections():
    watch = begun("A")
    trade_every(watch, {"A": 25}, 0, 250)
    watch.begin(["A"], 300)
    assert watch.verdict(300 + 749) == ""
    assert watch.verdict(300 + 750)


def test_a_frame_of_an_unconfirmed_symbol_proves_nothing():
    watch = begun("A")
    watch.saw("X", 20)
    assert watch.verdict(30)


def local_time(wall: int, steady: int | None = None) -> LocalTime:
    """Both clocks go alike unless said otherwise; the steady one counts from somewhere else."""
    return LocalTime(wall, wall - 777 if steady is None else steady)


def test_venue_time_is_unknown_before_the_first_frame():
    assert VenueTime().at(local_time(5)) == 0


@given(
    st.integers(-100_000, 100_000),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 5_000)), min_size=1, max_size=40),
    st.integers(0, 100_000),
)
def test_the_estimate_is_never_later_than_the_truth(skew, frames, later):
    venue, local = VenueTime(), 1_000_000
    for pause, delay in frames:
        local += pause
        venue.observe(local + skew - delay, local_time(local))
    assert venue.at(local_time(local + later)) <= local + later + skew


def test_one_late_frame_does_not_hold_the_estimate_back():
    venue = VenueTime()
    for local in range(10):
        venue.observe(local * 1000 - (9_000 if local == 5 else 3), local_time(local * 1000))
    assert venue.at(local_time(20_000)) == 19_997


@pytest.mark.parametrize(
    ("first_frame", "expected"),
    [
        (1_000_500, 1_000_500),  # fresh: the frame itself
        (970_000, 1_000_000),  # a repeated last trade: the local clock
        (900_000, 960_000),  # the local clock is an hour fast: no more than the oldest backlog is lost
    ],
)
def test_coverage_starts_rather_too_late(first_frame, expected):
    assert VenueTime().covered_from(local_time(1_000_000), first_frame) == expected


def test_coverage_after_a_reconnect_knows_the_skew_of_the_clocks():
    venue = VenueTime()
    venue.observe(1_001_260, local_time(1_000_000))
    assert venue.covered_from(local_time(2_000_000), 1_999_000) == 2_001_260


@pytest.mark.parametrize("jump", [-5_000, 5_000])
def test_a_wall_clock_that_was_set_moves_neither_estimate_to_the_dangerous_side(jump):
    venue = VenueTime()
    venue.observe(1_000_000, local_time(1_000_003))
    now = local_time(1_010_003 + jump, 1_010_003 - 777)
    assert venue.at(now) <= 1_010_000
    assert venue.covered_from(now, 1_009_000) >= 1_010_000


def test_a_market_that_stands_is_not_taken_to_go_on():
    venue = VenueTime()
    venue.observe(1_000_000, LocalTime(1_000_003, 0))
    assert venue.at(LocalTime(1_000_003, 60_000)) == 1_000_000
