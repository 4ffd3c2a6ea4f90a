from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.book import Position
from shared.domain.candle import CandleSource, Look
from shared.domain.exit_rules import ExitRules
from shared.domain.signal import ExitReason, Side
from shared.engine import exit_steps
from shared.engine.exits import REASONS, at_close, looks_of, through_looks
from tests.makers import MINUTE, START, make_candle

PLAIN = ExitRules(targets=1, break_even_after=0, trailing_stop_pct=0.0, time_stop=0)


def position(side=Side.LONG):
    return Position("x", side, START, 100.0, 101.5, 99.3)


def look(number, high, low):
    return Look(START + number * 15_000, Decimal(high), Decimal(low))


def end(looks, rules=PLAIN, looked_to=0):
    return through_looks(position(), rules, looks, looked_to).end


def test_the_first_look_that_touches_decides():
    found = end([look(1, "101", "100"), look(2, "101.7", "100"), look(3, "100", "99")])
    assert (found.reason, found.price, found.gain_pct, found.look.end) == (
        ExitReason.TAKE_PROFIT,
        101.5,
        1.5,
        START + 30_000,
    )


def test_looks_already_taken_are_skipped():
    looks = [look(1, "102", "100"), look(2, "100", "99")]
    assert end(looks, looked_to=START + 15_000).reason is ExitReason.STOP_LOSS
    assert end(looks, looked_to=START + 30_000) is None


def test_both_levels_in_one_look_are_a_loss_that_says_it_is_ambiguous():
    found = end([look(1, "102", "99")])
    assert (found.reason, found.price, found.ambiguous) == (ExitReason.STOP_LOSS, 99.3, True)


def test_a_jump_across_the_stop_exits_at_the_level():
    assert end([look(1, "98", "97")]).price == 99.3


def test_looks_one_by_one_or_at_once_come_to_the_same():
    rules = ExitRules(targets=3, break_even_after=1, trailing_stop_pct=0.4, time_stop=0)
    looks = [look(1, "100.6", "99.9"), look(2, "101.2", "100.9"), look(3, "101.1", "100.7")]
    at_once = through_looks(position(), rules, looks, 0)
    one_by_one, turns = position(), []
    for each in looks:
        course = through_looks(one_by_one, rules, [each], 0)
        one_by_one, turns = course.position, turns + list(course.turns)
    assert at_once.turns == tuple(turns)
    assert at_once.position == one_by_one
    assert [turn.reason for turn in turns] == [None, None, ExitReason.TRAILING_STOP]


@given(st.lists(st.tuples(st.floats(99.0, 102.0), st.floats(99.0, 102.0)), max_size=8))
def test_a_position_kept_in_a_book_forgets_nothing(pairs):
    """Saved and loaded between any two looks, it goes on as if it had been held in the hand."""
    rules = ExitRules(targets=2, break_even_after=1, trailing_stop_pct=0.5, time_stop=0)
    led, kept = exit_steps.opened(1, 100.0, 101.5, 99.3), position()
    for number, pair in enumerate(pairs):
        high, low = max(pair), min(pair)
        led, event = exit_steps.on_range(led, rules, high, low)
        course = through_looks(kept, rules, [Look(START + number, Decimal(high), Decimal(low))], 0)
        kept = course.position
        assert (course.end is None) == (event.code in (exit_steps.OPEN, exit_steps.TARGET))
        if course.end is not None:
            assert (REASONS[event.code], event.price) == (course.end.reason, course.end.price)
            return
        assert (kept.stop or kept.stop_loss, kept.filled, kept.banked_pct) == (led.stop, led.filled, led.banked_pct)


def test_a_position_that_is_too_old_ends_at_the_close():
    rules = PLAIN._replace(time_stop=2)
    first = at_close(position(), rules, make_candle(START, "100.2"))
    second = at_close(first.position, rules, make_candle(START + MINUTE, "100.4"))
    assert first.end is None
    assert (second.end.reason, second.end.price, second.end.look.end) == (
        ExitReason.TIME_STOP,
        100.4,
        START + 2 * MINUTE,
    )


def test_a_candle_whose_inside_is_unknown_is_one_look():
    candle = make_candle(START, "100", high="102", low="98")
    assert looks_of(candle) == (Look(START + MINUTE, Decimal(102), Decimal(98)),)


def test_an_exchange_candle_without_a_trade_count_is_one_look_when_it_has_volume():
    assert len(looks_of(make_candle(START, trades=0, source=CandleSource.EXCHANGE))) == 1


def test_a_minute_without_trades_touches_nothing():
    assert looks_of(make_candle(START, "90", trades=0, quantity="0")) == ()


def test_a_candle_with_looks_is_its_looks():
    looks = (look(1, "101", "100"), look(4, "100", "99"))
    assert looks_of(make_candle(START, looks=looks)) == looks
