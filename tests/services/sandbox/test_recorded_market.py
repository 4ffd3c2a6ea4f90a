from decimal import Decimal

import pytest

from services.sandbox.market import MINUTE
from services.sandbox.recorded_market import RecordedMarket
from shared.errors import InvalidInput
from tests.makers import START, make_trade


def test_recorded_trades_come_back_by_time_in_the_order_of_the_venue():
    trades = [make_trade(START + 5, sequence=2), make_trade(START + 5, sequence=1), make_trade(START + MINUTE)]
    market = RecordedMarket(trades, start=START)
    assert market.trades("BTCUSDT", START, START + MINUTE) == [trades[1], trades[0]]
    assert market.trades("BTCUSDT", START + MINUTE, START + 2 * MINUTE) == [trades[2]]
    assert market.minute("BTCUSDT", START + 2 * MINUTE) is None


def test_steps_are_read_off_the_trades():
    market = RecordedMarket([make_trade(START, "100.25", "0.5"), make_trade(START + 1, "100.3", "0.001")])
    listing = market.listings["BTCUSDT"]
    assert (listing.tick, listing.step, listing.price_scale) == (Decimal("0.01"), Decimal("0.001"), 2)


def test_an_empty_recording_is_refused():
    with pytest.raises(InvalidInput):
        RecordedMarket([])
