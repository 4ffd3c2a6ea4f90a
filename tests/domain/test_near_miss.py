"""Near misses as values: their keys stand in the order of their candles."""

from shared.domain.near_miss import NearMiss, Refusal
from shared.domain.signal import Side
from shared.messages.codec import from_json, to_json
from tests.makers import EXCHANGE, START


def near_miss(open_time):
    return NearMiss(
        "rsi_divergence", EXCHANGE, "BTCUSDT", Side.LONG, open_time, open_time + 60_000, 100.0, 101.5, 99.3,
        Refusal.MACRO, "against", {"rule": "regular_bullish"},
    )  # fmt: skip


def test_its_key_names_the_candle_and_sorts_by_time():
    assert near_miss(START).key == f"rsi_divergence/BTCUSDT/{START}"
    times = [1, 999_999_999_999, START]
    assert sorted(near_miss(time).key for time in times) == [near_miss(time).key for time in times]


def test_it_survives_json():
    assert from_json(to_json(near_miss(START)), NearMiss) == near_miss(START)
