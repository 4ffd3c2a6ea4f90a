"""The codec: what was sent is what arrives, to the last digit; what breaks the contract is refused in clear words."""

import json
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.candle import Candle
from shared.domain.notice import Notice, NoticeKind, stale_id
from shared.domain.signal import Signal
from shared.errors import InvalidMessage, InvariantViolation
from shared.messages.catalog import CANDLES, CONTRACTS, MACRO_BIAS, NOTICES, SIGNALS, TRADES
from shared.messages.codec import decode, encode, from_json, to_json
from shared.ports import Message
from tests.engine.macro_markets import make_bias
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, make_pack, make_signal, make_trade
from tests.messages.values import biases, candles, decimals, floats, notices, packs, signals

NOTICE = Notice(stale_id(EXCHANGE, START), 0, NoticeKind.STALE, EXCHANGE, (SYMBOL,), START + 90_000, START)
EXAMPLES = {
    TRADES: make_pack(0, START, (make_trade(START),)),
    CANDLES: make_candle(),
    SIGNALS: make_signal(),
    NOTICES: NOTICE,
    MACRO_BIAS: make_bias(),
}
KNOWN = ", ".join(sorted(contract.name for contract in CONTRACTS))


@given(packs)
def test_a_pack_arrives_as_it_was_sent(pack):
    assert decode(encode(TRADES, pack, message_id="1")) == pack


@given(candles)
def test_a_candle_arrives_as_it_was_sent(candle):
    assert decode(encode(CANDLES, candle, message_id="1")) == candle


@given(signals)
def test_a_signal_arrives_as_it_was_sent(signal):
    assert decode(encode(SIGNALS, signal, message_id="1")) == signal


@given(biases)
def test_a_macro_bias_arrives_as_it_was_sent(bias):
    assert decode(encode(MACRO_BIAS, bias, message_id="1")) == bias


@given(notices)
def test_a_notice_arrives_as_it_was_sent(notice):
    assert decode(encode(NOTICES, notice, message_id="1")) == notice


@given(decimals)
def test_a_decimal_keeps_every_digit_the_zeros_at_its_end_too(value):
    candle = make_candle(close="1", turnover=value)
    assert decode(encode(CANDLES, candle, message_id="1")).turnover.as_tuple() == value.as_tuple()


@given(floats)
def test_a_float_keeps_every_bit(value):
    signal = make_signal(price=value, decision={"rsi": value})
    arrived = decode(encode(SIGNALS, signal, message_id="1"))
    assert struct.pack("d", arrived.price) == struct.pack("d", value)
    assert struct.pack("d", arrived.decision["rsi"]) == struct.pack("d", value)


@given(candles)
def test_a_value_has_one_writing(candle):
    assert to_json(from_json(to_json(candle), Candle)) == to_json(candle)


def test_the_attributes_say_what_the_message_is():
    message = encode(CANDLES, make_candle(), message_id="bybit-linear/BTCUSDT/1m/0", trace="r1/0/7")
    assert message.attributes == {
        "type": "candle",
        "version": "1",
        "id": "bybit-linear/BTCUSDT/1m/0",
        "trace": "r1/0/7",
    }
    assert "trace" not in encode(CANDLES, make_candle(), message_id="1").attributes


def test_decimals_travel_as_text_and_trades_as_rows():
    body = json.loads(encode(TRADES, EXAMPLES[TRADES], message_id="1").data)
    assert body["trades"][0][:4] == ["BTCUSDT", START, "100", "1"]


def test_a_value_of_another_contract_is_a_bug_of_the_sender():
    with pytest.raises(InvariantViolation, match=r"Signal is not the payload of 'candle'"):
        encode(CANDLES, make_signal(), message_id="1")


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({}, f"unknown message type ''; known: {KNOWN}"),
        ({"type": "candel"}, f"unknown message type 'candel'; known: {KNOWN}"),
        ({"type": "candle"}, "'candle' version '' is not known; this build reads version 1"),
        ({"type": "candle", "version": "2"}, "'candle' version '2' is not known; this build reads version 1"),
        ({"type": "candle", "version": "one"}, "'candle' version 'one' is not known; this build reads version 1"),
    ],
)
def test_an_unknown_type_or_version_is_refused_with_the_known_one(attributes, text):
    with pytest.raises(InvalidMessage) as refusal:
        decode(Message(to_json(make_candle()), attributes))
    assert str(refusal.value) == text


def changed(**fields: object) -> bytes:
    """Body of a candle with some fields replaced; None takes the field away."""
    body = json.loads(to_json(make_candle())) | fields
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"not json", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "Expected `object`, got `array`"),
        (changed(close=None), "missing required field `close`"),
        (changed(close="cheap"), "at `$.close`"),
        (changed(open_time="soon"), "Expected `int`, got `str` - at `$.open_time`"),
        (changed(timeframe="7m"), "Invalid enum value '7m' - at `$.timeframe`"),
        (changed(complete=1), "Expected `bool`, got `int` - at `$.complete`"),
        (changed(looks=[["x", "1", "1"]]), "at `$.looks[0][0]`"),
        (changed(symbol="\ud800").replace(b"\\ud800", b"\xed\xa0\x80"), "utf"),
    ],
)
def test_a_body_that_breaks_the_contract_is_refused_with_the_place(body, text):
    with pytest.raises(InvalidMessage) as refusal:
        decode(Message(body, {"type": "candle", "version": "1"}))
    assert str(refusal.value).startswith("'candle': ")
    assert text in str(refusal.value)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-inf", "1e999999", "1e-999999", "0e-999999"])
@pytest.mark.parametrize("field", ["open", "turnover", "looks"])
def test_a_decimal_that_is_no_sane_number_is_refused(field, text):
    body = changed(**{field: [[START, "1", text]] if field == "looks" else text})
    with pytest.raises(InvalidMessage, match=r"^'candle': a number is not finite or of no sane size"):
        decode(Message(body, {"type": "candle", "version": "1"}))


@pytest.mark.parametrize("fields", [{"price": "NaN"}, {"quantity": "Infinity"}, {"price": "sNaN"}])
def test_a_pack_with_a_number_that_is_none_is_refused(fields):
    pack = make_pack(0, START, (make_trade(START), make_trade(START, **fields)))
    with pytest.raises(InvalidMessage, match=r"^'trades': a price or quantity is not finite"):
        decode(encode(TRADES, pack, message_id="1"))


@pytest.mark.parametrize(
    "pack",
    [
        make_pack(0, 10**18),
        make_pack(0, START, (make_trade(-1),)),
        make_pack(0, START, (make_trade(10**15),)),
        make_pack(0, START, prior_event_time=-2),
        make_pack(0, START, covered_from=10**40),
    ],
)
def test_a_pack_with_a_time_that_is_none_is_refused(pack):
    with pytest.raises(InvalidMessage, match=r"^'trades': a time is before 1970 or after 9999"):
        decode(encode(TRADES, pack, message_id="1"))


def test_a_candle_with_a_time_that_is_none_is_refused():
    with pytest.raises(InvalidMessage, match=r"^'candle': its time"):
        decode(encode(CANDLES, make_candle(-MINUTE), message_id="1"))


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
@pytest.mark.parametrize("opening", [b'{"decision":', b'{"unknown":'])
def test_nesting_without_end_is_refused(contract, opening):
    with pytest.raises(InvalidMessage):
        decode(Message(opening + b'{"a":' * 100_000, {"type": contract.name, "version": str(contract.version)}))
    with pytest.raises(InvalidMessage):
        from_json(opening + b"[" * 100_000, contract.payload)


@given(st.binary(max_size=40), st.sampled_from(CONTRACTS))
def test_no_bytes_whatever_raise_anything_else(data, contract):
    with pytest.raises(InvalidMessage):
        decode(Message(data, {"type": contract.name, "version": str(contract.version)}))


@pytest.mark.parametrize("contract", EXAMPLES, ids=lambda contract: contract.name)
def test_a_field_that_a_newer_sender_added_is_ignored(contract):
    message = encode(contract, EXAMPLES[contract], message_id="1")
    body = json.loads(message.data) | {"added_later": {"by": ["somebody"]}}
    assert decode(Message(json.dumps(body).encode(), message.attributes)) == EXAMPLES[contract]


def test_a_field_that_an_older_sender_did_not_know_has_its_default():
    body = {name: value for name, value in json.loads(to_json(make_candle())).items() if name != "looks"}
    assert decode(Message(json.dumps(body).encode(), {"type": "candle", "version": "1"})) == make_candle()


def test_json_of_a_file_is_refused_by_the_name_of_its_kind():
    with pytest.raises(InvalidMessage, match=r"^Signal: .*missing required field"):
        from_json("{}", Signal)


def test_numbers_may_come_as_text_or_as_numbers():
    assert from_json(changed(close=100), Candle).close == Decimal(100)
