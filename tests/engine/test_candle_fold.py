"""Trades in any order in, one candle out."""

import itertools
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.candle import Look, OpenMode
from shared.domain.timeframe import Timeframe
from shared.engine.candle_fold import CandleFold, CandleShape, check_numbers
from shared.errors import InvalidMessage
from tests.makers import EXCHANGE, START, SYMBOL, make_trade

SHAPE = CandleShape(EXCHANGE, SYMBOL, Timeframe.M1, OpenMode.PREVIOUS_CLOSE)
BY_ITSELF = CandleShape(EXCHANGE, SYMBOL, Timeframe.M1, OpenMode.FIRST_TRADE)


def folded(*batches):
    fold = CandleFold()
    for batch in batches:
        fold.add(batch)
    return fold


def prices(candle):
    return tuple(str(price) for price in (candle.open, candle.high, candle.low, candle.close))


def test_a_candle_opens_and_closes_by_time_sequence_ordinal_and_id_in_any_order():
    trades = [
        make_trade(START, "1", trade_id="b"),
        make_trade(START, "2", trade_id="a", sequence=1),
        make_trade(START, "3", trade_id="a2", sequence=1, ordinal=1),
        make_trade(START, "4", trade_id="b2", sequence=1, ordinal=1),
    ]
    for order in itertools.permutations(trades):
        assert prices(BY_ITSELF.draw(START, folded(order), None, complete=True)) == ("1", "4", "1", "4")


def test_equal_trades_without_an_id_all_count_and_do_not_make_the_order_matter():
    trades = [make_trade(START, price, trade_id="") for price in ("5", "7", "5")]
    candles = {BY_ITSELF.draw(START, folded(order), None, complete=True) for order in itertools.permutations(trades)}
    assert len(candles) == 1
    assert candles.pop().trades == 3


def test_a_known_id_is_a_duplicate_within_and_across_batches():
    fold = CandleFold()
    assert fold.add([make_trade(START), make_trade(START), make_trade(START + 1)]) == 2
    assert fold.add([make_trade(START + 1), make_trade(START + 2)]) == 1
    assert (fold.trades, fold.quantity) == (3, Decimal(3))


@pytest.mark.parametrize(
    ("shape", "previous", "expected"),
    [
        (SHAPE, "100", ("100", "100", "90", "95")),
        (SHAPE, "80", ("80", "96", "80", "95")),
        (SHAPE, None, ("90", "96", "90", "95")),
        (BY_ITSELF, "100", ("90", "96", "90", "95")),
    ],
)
def test_the_open_follows_the_mode_and_counts_in_high_and_low(shape, previous, expected):
    fold = folded([make_trade(START + at, price) for at, price in ((1, "90"), (2, "96"), (3, "95"))])
    before = None if previous is None else Decimal(previous)
    assert prices(shape.draw(START, fold, before, complete=True)) == expected


def test_a_minute_without_trades_is_flat_and_needs_a_price():
    candle = BY_ITSELF.draw(START, CandleFold(), Decimal(7), complete=True)
    assert prices(candle) == ("7", "7", "7", "7")
    assert (candle.quantity, candle.turnover, candle.trades, candle.looks) == (0, 0, 0, ())
    assert SHAPE.draw(START, CandleFold(), None, complete=True) is None


def test_looks_are_cut_by_event_time_and_hold_no_previous_close():
    fold = folded([make_trade(START + at, price) for at, price in ((14_999, "9"), (15_000, "8"), (50_000, "7"))])
    candle = SHAPE.draw(START, fold, Decimal(100), complete=True)
    assert candle.looks == (
        Look(START + 15_000, Decimal(9), Decimal(9)),
        Look(START + 30_000, Decimal(8), Decimal(8)),
        Look(START + 60_000, Decimal(7), Decimal(7)),
    )
    forming = SHAPE.draw(START, fold, None, complete=False, until=START + 30_000)
    assert [look.end for look in forming.looks] == [START + 15_000, START + 30_000]


numbers = st.decimals("1e-12", "1e18", allow_nan=False, places=12)
trade_lists = st.lists(st.tuples(st.integers(0, 59_999), numbers, numbers), min_size=1, max_size=30)


@settings(deadline=None)
@given(trade_lists, st.randoms(use_true_random=False))
def test_sums_are_exact_and_do_not_depend_on_order_or_on_the_threads_context(rows, order):
    trades = [
        make_trade(START + at)._replace(price=price, quantity=quantity, trade_id=str(number))
        for number, (at, price, quantity) in enumerate(rows)
    ]
    check_numbers(trades)
    shuffled = [*trades, *trades]
    order.shuffle(shuffled)
    with localcontext(prec=3):
        candle = BY_ITSELF.draw(START, folded(*[[trade] for trade in shuffled]), None, complete=True)
    with localcontext(prec=400):
        assert candle.quantity == sum(trade.quantity for trade in trades)
        assert candle.turnover == sum(trade.price * trade.quantity for trade in trades)
    assert candle == BY_ITSELF.draw(START, folded(trades), None, complete=True)
    assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
    assert candle.trades == len(trades)


@pytest.mark.parametrize("price", ["NaN", "sNaN", "Infinity", "0", "-1", "1e19", "1e-13", "1." + "1" * 80])
def test_numbers_no_trade_can_have_are_refused_by_name(price):
    with pytest.raises(InvalidMessage, match="'t17672256000001' of BTCUSDT"):
        check_numbers([make_trade(START * 10 + 1, price)])
    with pytest.raises(InvalidMessage, match="quantity"):
        check_numbers([make_trade(START, "1", price)])
