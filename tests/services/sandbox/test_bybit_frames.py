from services.sandbox.bybit_frames import TradeFrames, orders, trade_id
from services.sandbox.listings import listings
from tests.makers import START, make_trade


def test_orders_are_cut_where_time_or_sequence_changes():
    trades = [
        make_trade(START, sequence=1),
        make_trade(START, sequence=1, ordinal=1),
        make_trade(START, sequence=2),
        make_trade(START + 1, sequence=2),
    ]
    assert [len(order) for order in orders(trades)] == [2, 1, 1]


def test_the_tick_direction_follows_the_price():
    frames = TradeFrames("linear", listings(["BTCUSDT"]))
    prices = ["100", "101", "101", "99", "99", "100"]
    text = frames.text([make_trade(START, price) for price in prices], START + 1)
    directions = [part.split('"')[0] for part in text.split('"L":"')[1:]]
    assert directions == ["ZeroPlusTick", "PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick", "PlusTick"]


def test_spot_ids_are_numbers_that_differ_as_the_trades_do():
    ids = {trade_id(make_trade(START, trade_id=f"id-{n}"), "spot") for n in range(1_000)}
    assert len(ids) == 1_000
    assert all(len(text) == 19 and text.isdecimal() for text in ids)
    assert trade_id(make_trade(START, trade_id="123"), "spot") == "123"
