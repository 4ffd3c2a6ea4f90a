from decimal import Decimal

import pytest

from services.sandbox.klines import Klines, plain
from services.sandbox.market import MINUTE
from services.sandbox.recorded_market import RecordedMarket
from tests.makers import START, make_trade


async def test_a_bar_is_seeded_with_the_close_before_and_an_empty_minute_is_flat():
    market = RecordedMarket(
        [
            make_trade(START, "100", "2"),
            make_trade(START + 1, "103"),
            make_trade(START + 2 * MINUTE, "99.5"),
            make_trade(START + 2 * MINUTE + 9_000, "101"),
        ],
        start=START,
    )
    starts = range(START, START + 3 * MINUTE, MINUTE)
    rows = await Klines(market).rows("BTCUSDT", MINUTE, starts, START + 2 * MINUTE + 5_000)
    assert [row[1:] for row in rows] == [
        ["100", "103", "100", "103", "3", "303"],
        ["103", "103", "103", "103", "0", "0"],
        ["103", "103", "99.5", "99.5", "1", "99.5"],  # still forming: the last trade is yet to come
    ]


@pytest.mark.parametrize(("number", "text"), [("30710.00", "30710"), ("0.00010", "0.0001"), ("1E+3", "1000")])
def test_numbers_are_written_without_exponent_and_trailing_zeros(number, text):
    assert plain(Decimal(number)) == text
