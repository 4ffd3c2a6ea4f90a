from decimal import Decimal

import pytest

from shared.domain.book import Position
from shared.domain.candle import CandleSource, Look
from shared.domain.signal import ExitReason, Side
from shared.engine.exits import AMBIGUOUS, OPEN, STOP_LOSS, TAKE_PROFIT, first_exit, looks_of, outcome
from tests.makers import MINUTE, START, make_candle


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [
        (101.4, 99.4, OPEN),
        (101.5, 100.0, TAKE_PROFIT),  # reached exactly
        (101.0, 99.3, STOP_LOSS),
        (101.5, 99.3, AMBIGUOUS),
        (98.0, 97.0, STOP_LOSS),  # jumped beyond
        (110.0, 105.0, TAKE_PROFIT),
    ],
)
def test_one_range_on_a_long_position_and_its_mirror(high, low, expected):
    assert outcome(1, 101.5, 99.3, high, low) == expected
    assert outcome(-1, -101.5, -99.3, -low, -high) == expected


def position(side=Side.LONG):
    return Position("x", side, START, 100.0, 101.5, 99.3)


def look(number, high, low):
    return Look(START + number * 15_000, Decimal(high), Decimal(low))


def test_the_first_look_that_touches_decides():
    looks = [look(1, "101", "100"), look(2, "101.7", "100"), look(3, "100", "99")]
    found = first_exit(position(), looks, 0)
    assert (found.reason, found.price, found.ambiguous, found.look.end) == (
        ExitReason.TAKE_PROFIT,
        101.5,
        False,
        START + 30_000,
    )


def test_looks_already_taken_are_skipped():
    looks = [look(1, "102", "100"), look(2, "100", "99")]
    assert first_exit(position(), looks, START + 15_000).reason is ExitReason.STOP_LOSS
    assert first_exit(position(), looks, START + 30_000) is None


def test_both_levels_in_one_look_are_a_loss_that_says_it_is_ambiguous():
    found = first_exit(position(), [look(1, "102", "99")], 0)
    assert (found.reason, found.price, found.ambiguous) == (ExitReason.STOP_LOSS, 99.3, True)


def test_a_jump_across_the_stop_exits_at_the_level():
    assert first_exit(position(), [look(1, "98", "97")], 0).price == 99.3


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
