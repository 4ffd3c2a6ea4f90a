"""What a range of prices does to an open position: by table, and as properties of every path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.exit_rules import ExitRules
from shared.engine import exit_steps
from shared.engine.exit_steps import (
    BREAK_EVEN,
    OPEN,
    STOP_LOSS,
    TAKE_PROFIT,
    TARGET,
    TIME_STOP,
    TRAILING_STOP,
    Ranges,
    on_close,
    on_range,
    opened,
    passed_over,
    total_pct,
)

PLAIN = ExitRules(targets=1, break_even_after=0, trailing_stop_pct=0.0, time_stop=0)
LONG = opened(1, 100.0, 103.0, 99.0)
SHORT = opened(-1, 100.0, 97.0, 101.0)


def through(position, rules, ranges):
    """Events of the ranges (high, low) until one ends the position, and the position as it is then."""
    events = []
    for high, low in ranges:
        position, event = on_range(position, rules, high, low)
        events.append(event)
        if event.code not in (OPEN, TARGET):
            break
    return position, events


@pytest.mark.parametrize(
    ("position", "range_", "event"),
    [
        (LONG, (102.9, 99.1), (OPEN, 0.0, False)),
        (LONG, (103.0, 99.1), (TAKE_PROFIT, 103.0, False)),
        (LONG, (110.0, 99.1), (TAKE_PROFIT, 103.0, False)),
        (LONG, (102.0, 99.0), (STOP_LOSS, 99.0, False)),
        (LONG, (102.0, 90.0), (STOP_LOSS, 99.0, False)),
        (LONG, (103.0, 99.0), (STOP_LOSS, 99.0, True)),
        (SHORT, (100.9, 97.1), (OPEN, 0.0, False)),
        (SHORT, (100.9, 97.0), (TAKE_PROFIT, 97.0, False)),
        (SHORT, (101.0, 97.1), (STOP_LOSS, 101.0, False)),
        (SHORT, (101.0, 97.0), (STOP_LOSS, 101.0, True)),
    ],
)
def test_one_target_and_one_stop(position, range_, event):
    assert on_range(position, PLAIN, *range_)[1] == event


def test_three_targets_close_a_third_each_and_the_stop_follows_to_the_entry():
    rules = ExitRules(3, 1, 0.0, 0)
    led, events = through(LONG, rules, [(101.2, 99.5), (101.5, 100.0)])
    assert [(event.code, event.price) for event in events] == [(TARGET, 101.0), (BREAK_EVEN, 100.0)]
    assert total_pct(led, events[-1].price, 3) == pytest.approx(1.0 / 3)


def test_targets_of_one_range_are_all_reached_and_the_last_one_ends_it():
    led, events = through(LONG, ExitRules(3, 0, 0.0, 0), [(103.5, 99.5)])
    assert [event.code for event in events] == [TAKE_PROFIT]
    assert total_pct(led, 103.0, 3) == pytest.approx((1.0 + 2.0 + 3.0) / 3)


def test_a_stop_and_the_next_target_in_one_range_count_as_the_loss_of_all_that_is_left():
    rules = ExitRules(3, 0, 0.0, 0)
    led, events = through(LONG, rules, [(101.0, 99.5), (102.0, 98.0)])
    assert events[-1] == (STOP_LOSS, 99.0, True)
    assert total_pct(led, 99.0, 3) == pytest.approx(1.0 / 3 - 2.0 / 3)


def test_a_trailing_stop_acts_from_the_next_range_on():
    rules = ExitRules(1, 0, 1.0, 0)
    led, events = through(LONG, rules, [(102.0, 99.5), (102.0, 101.0), (102.0, 100.5)])
    assert [event.code for event in events] == [OPEN, OPEN, TRAILING_STOP]
    assert events[-1].price == pytest.approx(102.0 * 0.99)
    assert led.best == 102.0


def test_a_stop_never_moves_back():
    rules = ExitRules(1, 0, 1.0, 0)
    led, _ = through(LONG, rules, [(102.5, 101.6)])
    lower, _ = on_range(led, rules, 102.0, 101.5)
    assert lower.stop == led.stop


def test_the_time_stop_closes_at_the_close_of_its_candle():
    rules = ExitRules(1, 0, 0.0, 2)
    led, first = on_close(LONG, rules, 100.5)
    _, second = on_close(led, rules, 100.7)
    assert (first.code, second) == (OPEN, (TIME_STOP, 100.7, False))


prices = st.floats(90.0, 110.0)
ranges = st.lists(st.tuples(prices, prices).map(lambda pair: (max(pair), min(pair))), min_size=1, max_size=30)
rules_strategy = st.builds(
    ExitRules,
    targets=st.integers(1, 3),
    break_even_after=st.integers(0, 3),
    trailing_stop_pct=st.sampled_from([0.0, 0.5, 2.0]),
    time_stop=st.just(0),
)


@given(ranges, rules_strategy)
def test_long_and_short_are_mirror_images(path, rules):
    led_long, long_events = through(opened(1, 100.0, 103.0, 99.0), rules._replace(trailing_stop_pct=0.0), path)
    mirrored = [(200.0 - low, 200.0 - high) for high, low in path]
    led_short, short_events = through(opened(-1, 100.0, 97.0, 101.0), rules._replace(trailing_stop_pct=0.0), mirrored)
    assert [(event.code, event.ambiguous) for event in long_events] == [
        (event.code, event.ambiguous) for event in short_events
    ]
    assert led_long.filled == led_short.filled


@given(ranges, rules_strategy)
def test_nobody_ever_gains_more_than_the_targets_or_loses_more_than_the_stop(path, rules):
    led, events = through(LONG, rules, path)
    if events[-1].code in (OPEN, TARGET):
        return
    gained = total_pct(led, events[-1].price, rules.targets)
    assert -1.0 - 1e-9 <= gained <= 3.0 + 1e-9


@given(ranges, rules_strategy)
def test_stops_move_only_towards_the_gain(path, rules):
    position, stops = LONG, [LONG.stop]
    for high, low in path:
        position, event = on_range(position, rules, high, low)
        if event.code not in (OPEN, TARGET):
            break
        stops.append(position.stop)
    assert stops == sorted(stops)


def test_a_target_between_is_an_equal_step():
    assert [exit_steps.target(LONG, number, 3) for number in (1, 2, 3)] == [101.0, 102.0, 103.0]


def one_by_one(position, rules, candles, first):
    """The position and the index of the first candle that does more than age it, asked of each candle in turn."""
    for index in range(first, len(candles)):
        high, low, traded = candles[index]
        led, event = on_range(position, rules, high, low) if traded else (position, exit_steps.Event(OPEN, 0.0, False))
        aged, end = on_close(led, rules, low)
        if event.code != OPEN or end.code != OPEN or aged.stop != position.stop:
            return position, index
        position = aged
    return position, len(candles)


@given(
    moves=st.lists(st.tuples(st.floats(98.5, 103.5), st.floats(0, 0.5), st.booleans()), max_size=30),
    rules=st.builds(
        ExitRules,
        targets=st.integers(1, 3),
        break_even_after=st.integers(0, 3),
        trailing_stop_pct=st.just(0.0),
        time_stop=st.sampled_from([0, 1, 7]),
    ),
    position=st.sampled_from([LONG, SHORT]),
)
def test_candles_passed_over_are_those_that_do_nothing_and_leave_the_same_position(moves, rules, position):
    candles = [(middle + reach, middle - reach, traded) for middle, reach, traded in moves]
    ranges = Ranges(*([candle[column] for candle in candles] for column in range(3)))
    index, event = 0, exit_steps.Event(OPEN, 0.0, False)
    while index < len(candles) and event.code in (OPEN, TARGET):
        passed = passed_over(position, rules, ranges, index)
        assert passed == one_by_one(position, rules, candles, index)
        position, index = passed
        if index < len(candles):
            event = exit_steps.Event(OPEN, 0.0, False)
            high, low, traded = candles[index]
            if traded:
                position, event = on_range(position, rules, high, low)
            if event.code in (OPEN, TARGET):
                position, event = on_close(position, rules, low)
            index += 1


def test_with_a_trailing_stop_no_candle_is_passed_over():
    rules = PLAIN._replace(trailing_stop_pct=0.5)
    assert passed_over(LONG, rules, Ranges([100.1], [99.9], [True]), 0) == (LONG, 0)
