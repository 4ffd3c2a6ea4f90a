from decimal import Decimal

import pytest

from services.sandbox.faults import FaultBoard
from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.market import MINUTE
from services.sandbox.wrong_klines import WrongKlines
from shared.adapters.clock.manual import ManualClock
from tests.makers import START

NOW = START + 10 * MINUTE


@pytest.fixture
def market():
    return GeneratedMarket(seed=7, start=START, symbols=("BTCUSDT",), history=1)


def rows(count):
    return [[str(START + n * MINUTE), "100", "101", "99", "100.9", "1", "100"] for n in range(count)]


def wrong_minutes(answer, right):
    return [n for n, (row, other) in enumerate(zip(answer, right, strict=True)) if row != other]


def test_every_nth_minute_is_wrong_in_its_first_answer_and_right_in_the_next(market):
    faults = FaultBoard(ManualClock())
    faults.set({"kline_wrong": 3})
    klines = WrongKlines(market, faults)
    first, second = (klines.falsify("BTCUSDT", rows(9), NOW) for _ in range(2))
    expected = [n for n in range(9) if (START // MINUTE + n) % 3 == 0]
    assert wrong_minutes(first, rows(9)) == expected
    assert second == rows(9)
    tick = market.listings["BTCUSDT"].tick
    assert Decimal(first[expected[0]][4]) == Decimal("100.9") + tick
    assert Decimal(first[expected[0]][2]) == max(Decimal(101), Decimal("100.9") + tick)


def test_a_minute_that_is_not_over_is_not_touched_until_it_is(market):
    faults = FaultBoard(ManualClock())
    faults.set({"kline_wrong": 1})
    klines = WrongKlines(market, faults)
    assert klines.falsify("BTCUSDT", rows(1), START + MINUTE - 1) == rows(1)
    assert klines.falsify("BTCUSDT", rows(1), START + MINUTE) != rows(1)


def test_what_was_right_once_does_not_become_wrong(market):
    faults = FaultBoard(ManualClock())
    klines = WrongKlines(market, faults)
    klines.falsify("BTCUSDT", rows(3), NOW)
    faults.set({"kline_wrong": 1})
    assert klines.falsify("BTCUSDT", rows(4), NOW)[:3] == rows(3)
