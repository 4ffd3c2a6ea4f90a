from decimal import Decimal

import pytest

from services.sandbox.market import MINUTE
from services.sandbox.recorded_market import RecordedMarket, open_recording
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


def test_trades_without_an_id_are_numbered_as_a_venue_does():
    trades = [make_trade(START + n, trade_id="", sequence=n) for n in range(3)]
    market = RecordedMarket([*trades[1:], trades[0]])
    assert [trade.trade_id for trade in market.trades("BTCUSDT", START, START + MINUTE)] == ["0", "1", "2"]


def test_the_end_is_that_of_the_last_minute_with_a_trade():
    assert RecordedMarket([make_trade(START + 1), make_trade(START + 3 * MINUTE)]).end == START + 4 * MINUTE


def test_files_become_a_market_of_the_symbol_in_upper_case(tmp_path):
    path = tmp_path / "trades.csv"
    path.write_text(f"timestamp,price,quantity,symbol,id\n{START},100,1,abusdt,7\n{START + 1},5,1,other,8\n")
    market = open_recording([path], "abusdt")
    assert list(market.listings) == ["ABUSDT"]
    assert [trade.trade_id for trade in market.trades("ABUSDT", START, START + MINUTE)] == ["7"]
    with pytest.raises(InvalidInput):
        open_recording([path], "ABSENT")
