"""Recorded and damaged bytes of Bybit in, values or one clear error out."""

import contextlib
import gzip
import json
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.adapters.wire.bybit import (
    Ignored,
    Pong,
    SubscribeAck,
    TradesFrame,
    decode,
    named_topics,
    parse_instruments,
    parse_klines,
)
from shared.domain.candle import CandleSource
from shared.domain.timeframe import Timeframe
from shared.domain.trade import AggressorSide
from shared.errors import InvalidMessage, Refused, TrackerError, Unavailable
from tests.makers import MINUTE, START, recorded

FILL = {"T": 1, "s": "BTCUSDT", "S": "Buy", "v": "0.1", "p": "2", "i": "a", "BT": False}


def frame(ts: object = 2, **fields: object) -> bytes:
    return json.dumps({"topic": "publicTrade.BTCUSDT", "ts": ts, "type": "snapshot", "data": [FILL | fields]}).encode()


def test_the_recorded_spot_session_gives_ack_pong_refusal_and_eight_trades():
    lines = recorded("ws_raw", "bybit_v5_spot_testnet_session_2026-09-13.jsonl").read_bytes().splitlines()
    frames = [decode(line) for line in lines]
    trades = [trade for item in frames if isinstance(item, TradesFrame) for trade in item.trades]
    assert frames[0] == SubscribeAck(ok=True, req_id="sub1", text="subscribe", refused=())
    assert frames[1] == Pong("p1")
    assert frames[-1] == SubscribeAck(
        False, "", "Invalid symbol :[orderbook.50.NOSUCHSYM]", ("orderbook.50.NOSUCHSYM",)
    )
    assert len(trades) == 8
    assert frames.count(Ignored("orderbook")) == 2
    assert trades[0].price * trades[0].quantity == Decimal("77140.5") * Decimal("0.00389")
    assert [(t.event_time, t.sequence, t.ordinal) for t in trades[2:4]] == [
        (1789299670888, 2189232212, 0),
        (1789299670888, 2189232212, 1),
    ]


def test_the_recorded_linear_frames_carry_flags_and_sequence():
    text = recorded("ws_raw", "bybit_v5_linear_BTCUSDT_frames_2025-09-25.txt").read_text()
    frames = [decode(line.partition(" ")[2]) for line in text.splitlines()]
    assert [type(item) for item in frames] == [Ignored, TradesFrame, Ignored]
    trade = frames[1].trades[0]
    assert (trade.sequence, trade.is_block, trade.is_rpi, trade.aggressor_side) == (457514743450, False, False, "buy")
    assert trade.trade_id == "2a74ac78-691c-5b54-9dbe-5aafe8364627"
    assert frames[1].venue_time == 1758841135824


def test_a_spot_sweep_of_six_fills_keeps_its_order_without_sequence():
    trades = decode(recorded("ws_raw", "bybit_v5_spot_BTCUSDT_frame_2025-01-01.jsonl").read_bytes()).trades
    assert [trade.ordinal for trade in trades] == list(range(6))
    assert {trade.sequence for trade in trades} == {0}
    assert [trade.price for trade in trades] == sorted(trade.price for trade in trades)


def test_frames_of_the_old_protocol_are_foreign_and_never_trades():
    with gzip.open(recorded("ws_raw", "cryptofeed_BYBIT.ws.25.0.txt.gz"), "rt") as lines:
        frames = [decode(line.partition(": ")[2]) for line in lines if line[0].isdigit()]
    kinds = Counter(type(item).__name__ for item in frames)
    assert kinds == {"Ignored": len(frames)}
    assert len(frames) == 66 + 3260 + 16
    assert Counter(item.kind for item in frames) == {"foreign": len(frames)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '{"success":true,"ret_msg":"","conn_id":"c","req_id":"a1","op":"subscribe"}',
            SubscribeAck(True, "a1", "", ()),
        ),
        (
            '{"success":false,"ret_msg":"error:handler not found,topic:publicTrade.NO","req_id":"","op":"subscribe"}',
            SubscribeAck(False, "", "error:handler not found,topic:publicTrade.NO", ("publicTrade.NO",)),
        ),
        ('{"success":false,"ret_msg":"args size >10","op":"subscribe"}', SubscribeAck(False, "", "args size >10", ())),
        (
            '{"success":false,"ret_msg":"error:invalid op","request":{"op":"","args":null}}',
            SubscribeAck(False, "", "error:invalid op", ()),
        ),
        ('{"success":true,"ret_msg":"pong","req_id":"a3","op":"ping"}', Pong("a3")),
        ('{"op":"pong","args":["1"],"req_id":"a4"}', Pong("a4")),
        ('{"success":true,"ret_msg":"","op":"unsubscribe"}', Ignored("control")),
        ('{"topic":"tickers.BTCUSDT","data":{}}', Ignored("tickers")),
        ('{"topic":"trade.BTCUSDT","data":[]}', Ignored("foreign")),
        ('{"topic":5}', Ignored("foreign")),
        ("{}", Ignored("foreign")),
    ],
)
def test_each_kind_of_frame_is_known_by_its_fields(line, expected):
    assert decode(line) == expected
    assert decode(line.encode()) == expected


def test_an_older_frame_without_seq_and_rpi_is_read():
    trade = decode(frame()).trades[0]
    assert (trade.sequence, trade.is_rpi, trade.aggressor_side) == (0, False, AggressorSide.BUY)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"p": "NaN"}, "price NaN"),
        ({"p": "Infinity"}, "price Infinity"),
        ({"p": "0"}, "price 0"),
        ({"v": "-1"}, "quantity -1"),
        ({"v": "1e999999"}, "quantity 1E"),
        ({"p": ""}, "p"),
        ({"S": "Hold"}, "'Hold'"),
        ({"s": "ETHUSDT"}, "'ETHUSDT'"),
        ({"i": ""}, "i"),
        ({"T": 1_700_000_000_000_000}, "T"),
        ({"T": "1"}, "T"),
        ({"BT": None}, "BT"),
        ({"ts": "now"}, "ts"),
    ],
)
def test_a_damaged_trade_frame_is_refused_by_name(fields, fault):
    with pytest.raises(InvalidMessage, match=fault):
        decode(frame(**fields))


@pytest.mark.parametrize("line", ["", "null", "[]", '"pong"', "{", "\ud800", "[" * 100_000, '{"a":' * 100_000])
def test_what_is_no_json_object_is_refused(line):
    with pytest.raises(InvalidMessage):
        decode(line)


@given(st.binary() | st.text())
def test_no_bytes_crash_the_decoder(data):
    with contextlib.suppress(InvalidMessage):
        assert isinstance(decode(data), TradesFrame | SubscribeAck | Pong | Ignored)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_keys = st.sampled_from(["topic", "ts", "data", "op", "success", "ret_msg", "req_id", "type"])


@given(st.dictionaries(_keys, _json | st.just("publicTrade.X") | st.just([FILL]) | st.just("subscribe")))
@example({"topic": "publicTrade.X", "ts": 1, "data": [{}]})
def test_no_object_crashes_the_decoder(value):
    with contextlib.suppress(InvalidMessage):
        assert isinstance(decode(json.dumps(value)), TradesFrame | SubscribeAck | Pong | Ignored)


def test_refusals_name_one_or_several_topics():
    assert named_topics("Invalid symbol :[publicTrade.A, publicTrade.B]") == ("publicTrade.A", "publicTrade.B")
    assert named_topics("error:handler not found,topic:publicTrade.A") == ("publicTrade.A",)
    assert named_topics("args size >10") == ()


def klines(*rows: list[str], time: int = START + 10 * MINUTE, **fields: object) -> bytes:
    result = {"symbol": "BTCUSDT", "category": "linear", "list": rows}
    return json.dumps({"retCode": 0, "retMsg": "OK", "result": result, "time": time} | fields).encode()


def row(index: int, *numbers: str) -> list[str]:
    return [str(START + index * MINUTE), *(numbers or ("2", "4", "1", "3", "5.10", "15.300"))]


def test_klines_come_ascending_exact_and_without_the_forming_one():
    candles = parse_klines("bybit-linear", klines(row(10), row(9), row(8)), Timeframe.M1, 0)
    assert [candle.open_time for candle in candles] == [START + 8 * MINUTE, START + 9 * MINUTE]
    first = candles[0]
    assert (str(first.quantity), str(first.turnover), first.trades) == ("5.10", "15.300", 0)
    assert (first.complete, first.source, first.exchange) == (True, CandleSource.EXCHANGE, "bybit-linear")


def test_our_own_time_decides_where_the_answer_has_none():
    body = klines(row(1), row(0), time=0)
    assert len(parse_klines("bybit-linear", body, Timeframe.M1, START + 2 * MINUTE)) == 2
    assert len(parse_klines("bybit-linear", body, Timeframe.M1, START + 2 * MINUTE - 1)) == 1


def test_the_documented_kline_answer_is_read():
    body = recorded("rest", "bybit_v5_market_kline_docs.json").read_bytes()
    candles = parse_klines("bybit-inverse", body, Timeframe.H1, 0)
    assert [str(candle.close) for candle in candles] == ["17071.5", "17071", "17055.5"]


@pytest.mark.parametrize(
    "bad",
    [
        row(0, "2", "1", "4", "3", "5", "1"),
        row(0, "2", "4", "1", "NaN", "5", "1"),
        row(0, "2", "4", "1", "3", "-5", "1"),
        row(0, "0", "0", "0", "0", "0", "0"),
        ["x", *row(0)[1:]],
        ["9" * 5000, *row(0)[1:]],
        row(0)[:5],
    ],
)
def test_a_row_that_is_no_candle_is_refused(bad):
    with pytest.raises(InvalidMessage, match="klines"):
        parse_klines("bybit-linear", klines(bad), Timeframe.M1, 0)


@pytest.mark.parametrize(
    ("code", "error", "reason"),
    [
        (10000, Unavailable, None),
        (10006, Unavailable, None),
        (10016, Unavailable, None),
        (10001, Refused, "not_found"),
        (10009, Refused, "region"),
        (10024, Refused, "region"),
        (10017, Refused, "bad_request"),
    ],
)
def test_error_codes_become_the_error_that_says_who_must_act(code, error, reason):
    with pytest.raises(error, match=str(code)) as caught:
        parse_klines("bybit-linear", klines(retCode=code, retMsg="no", result={}), Timeframe.M1, 0)
    assert getattr(caught.value, "reason", None) == reason
    assert getattr(caught.value, "retry_after", None) == (5_000 if code == 10006 else None)


def test_instruments_are_those_that_trade_and_the_cursor_of_the_next_page():
    items = [{"symbol": "BTCUSDT", "status": "Trading"}, {"symbol": "OLD", "status": "Closed"}, {"symbol": "NEW"}]
    body = {"retCode": 0, "result": {"category": "linear", "list": items, "nextPageCursor": "x%3D1"}}
    assert parse_instruments(json.dumps(body).encode()) == (frozenset({"BTCUSDT", "NEW"}), "x%3D1")
    body["result"].pop("nextPageCursor")
    assert parse_instruments(json.dumps(body).encode())[1] == ""


@given(st.binary())
def test_no_body_crashes_the_parsers(body):
    for parse in (parse_instruments, lambda data: parse_klines("x", data, Timeframe.M1, 0)):
        with contextlib.suppress(TrackerError):
            parse(body)
