"""Kraken's bytes: a recording read to the last digit, damaged bodies refused, names of pairs there and back."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.wire import kraken
from shared.domain.candle import CandleSource
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidMessage, Refused, Unavailable
from tests.makers import MINUTE, START, recorded

ROW = [START // 1000, "100.0", "102.0", "99.0", "101.0", "100.5", "2.00000000", 7]
LAST = [START // 1000 + 60, "1", "1", "1", "1", "1", "1", 1]


def body(*rows, error=(), key="XBTUSDT"):
    return json.dumps({"error": list(error), "result": {key: list(rows), "last": 0}}).encode()


def parse(data):
    return kraken.parse_ohlc("kraken-spot", "BTCUSDT", data, Timeframe.M1)


def recording():
    return recorded("rest", "kraken_public_OHLC_XBTUSDT_1m_2025-11-10.json").read_bytes()


def test_the_recorded_answer_gives_720_candles_and_not_the_uncommitted_row():
    candles = parse(recording())
    raw = json.loads(recording())["result"]
    assert len(candles) == kraken.MOST_ROWS == len(raw["XBTUSDT"]) - 1
    assert candles[-1].open_time == raw["last"] * 1000
    assert [candle.open_time for candle in candles] == [row[0] * 1000 for row in raw["XBTUSDT"][:-1]]
    assert {(candle.exchange, candle.symbol, candle.source, candle.complete) for candle in candles} == {
        ("kraken-spot", "BTCUSDT", CandleSource.EXCHANGE, True)
    }


def test_a_recorded_minute_without_trades_is_flat():
    quiet = [candle for candle in parse(recording()) if candle.trades == 0]
    assert len(quiet) == 216 - 1  # the uncommitted one was quiet too
    assert all(candle.open == candle.high == candle.low == candle.close for candle in quiet)
    assert {candle.quantity for candle in quiet} == {Decimal(0)}


def test_the_recorded_trades_of_the_same_hours_make_the_recorded_candles():
    trades = json.loads(recorded("rest", "kraken_public_Trades_XBTUSDT_2025-11-10.json").read_bytes())
    minutes = {}
    [key] = [key for key in trades["result"] if key != "last"]
    for price, volume, time, *_ in trades["result"][key]:
        minutes.setdefault(int(time) // 60 * MINUTE, []).append((Decimal(price), Decimal(volume)))
    whole = sorted(minutes)[1:-1]  # the first and the last minute may be cut
    candles = {candle.open_time: candle for candle in parse(recording())}
    assert len(whole) > 200
    for open_time in whole:
        prices = [price for price, _ in minutes[open_time]]
        candle = candles[open_time]
        assert (candle.open, candle.high, candle.low, candle.close) == (
            prices[0], max(prices), min(prices), prices[-1],
        )  # fmt: skip
        assert candle.quantity == sum(volume for _, volume in minutes[open_time])
        assert candle.trades == len(prices)


def test_turnover_is_the_mean_price_times_the_volume():
    [candle] = parse(body(ROW, LAST))
    assert candle.turnover == Decimal(201)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>", "answer: JSON is malformed"),
        (b'{"error":[],"result":[]}', "answer: Expected `object`"),
        (b'{"error":[]}', "one pair was asked for, none came"),
        (b'{"error":[],"result":{"A":[],"B":[],"last":1}}', "A, B came"),
        (body([*ROW[:2], "98.0", *ROW[3:]], LAST), "is no candle"),
        (body([*ROW[:4], "NaN", *ROW[5:]], LAST), "is no candle"),
        (body([ROW[0] + 1, *ROW[1:]], LAST), "is not the start of a 1m candle"),
        (body(ROW[:7], LAST), "Expected `array` of length 8"),
        (body([float(ROW[0]) + 0.5, *ROW[1:]], LAST), "Expected `int`"),
    ],
)
def test_a_damaged_answer_is_refused_with_the_fault(data, words):
    with pytest.raises(InvalidMessage, match=words):
        parse(data)


@given(st.binary(max_size=60))
def test_no_bytes_whatever_raise_anything_else(data):
    with pytest.raises(InvalidMessage):
        parse(data)


@pytest.mark.parametrize(
    ("errors", "kind", "detail"),
    [
        (["EQuery:Unknown asset pair"], Refused, "not_found"),
        (["EGeneral:Invalid arguments"], Refused, "bad_request"),
        (["EGeneral:Invalid arguments:interval"], Refused, "bad_request"),
        (["EService:Unavailable"], Unavailable, None),
        (["EService:Busy"], Unavailable, None),
        (["EGeneral:Internal error"], Unavailable, None),
        (["EAPI:Rate limit exceeded"], Unavailable, 15_000),
        (["EGeneral:Too many requests"], Unavailable, 15_000),
        (["EGeneral:Temporary lockout"], Unavailable, 900_000),
    ],
)
def test_errors_come_in_a_list_and_say_who_must_act(errors, kind, detail):
    with pytest.raises(kind) as error:
        parse(json.dumps({"error": errors}).encode())
    assert getattr(error.value, "reason" if kind is Refused else "retry_after") == detail
    assert errors[0] in str(error.value)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("BTCUSDT", "XBTUSDT"),
        ("DOGEUSDT", "XDGUSDT"),
        ("ETHUSDT", "ETHUSDT"),
        ("SUIUSD", "SUIUSD"),
        ("ETHBTC", "ETHXBT"),
        ("BTCEUR", "XBTEUR"),
        ("DOGEBTC", "XDGXBT"),
        ("XYZ", "XYZ"),
    ],
)
def test_pairs_are_named_there_and_back(ours, theirs):
    assert kraken.pair(ours) == theirs
    assert kraken.symbol(theirs) == ours


@pytest.mark.parametrize(
    ("symbol", "dollars"), [("SUIUSDT", "SUIUSD"), ("SUIUSD", None), ("USDT", None), ("ETHBTC", None)]
)
def test_only_a_pair_against_usdt_has_one_against_dollars(symbol, dollars):
    assert kraken.dollar_symbol(symbol) == dollars


def test_pairs_that_do_not_trade_are_left_out():
    pairs = {
        "XXBTZUSD": {"altname": "XBTUSD", "status": "online"},
        "XBTUSDT": {"altname": "XBTUSDT"},
        "SEIUSD": {"altname": "SEIUSD", "status": "cancel_only"},
    }
    assert kraken.parse_pairs(json.dumps({"error": [], "result": pairs}).encode()) == {"BTCUSD", "BTCUSDT"}
