"""The votes against TA-Lib, their symmetries, the bias they add up to, and the figures on docs/macro-bias.md."""

import csv
import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instrument import Instrument
from shared.domain.macro_bias import BiasDirection
from shared.domain.timeframe import Timeframe
from shared.engine.macro_calibration import FITTED, Calibration
from shared.engine.macro_votes import HOURS, decide, missing, window_start
from shared.errors import InvariantViolation
from tests.architecture.house import ROOT
from tests.engine.macro_markets import FIVE, HOUR, market
from tests.makers import START, make_candle, recorded

BTC = Instrument("bybit-linear", "BTCUSDT")
SURE = Calibration(((0.0, 40.0), (0.3, 90.0)))
TTL = 4 * HOUR
LONG, SHORT, NEUTRAL = BiasDirection


def judge(candles, calibration=SURE):
    return decide(candles, BTC, "kraken-spot", calibration=calibration, ttl=TTL)


def window(end=START + HOURS * HOUR, **fields):
    start = window_start(end)
    return market((end - start) // FIVE, start=start, **fields)


@pytest.mark.parametrize(("minutes", "candles"), [(0, 288), (5, 289), (55, 299), (60, 288)])
def test_a_window_is_24_whole_hours_and_what_is_over_of_the_present_one(minutes, candles):
    end = START + minutes * 60_000
    assert (end - window_start(end)) // FIVE == candles
    assert window_start(end) % HOUR == 0


@pytest.mark.parametrize(("drift", "direction"), [(0.02, LONG), (-0.02, SHORT)])
def test_a_market_with_one_direction_is_voted_for_by_all(drift, direction):
    bias = judge(window(drift=drift))
    assert [vote.name for vote in bias.votes] == ["trend", "momentum", "strength", "volume"]
    assert {vote.direction for vote in bias.votes} == {direction}
    assert bias.direction is direction
    assert bias.confidence == 90.0
    assert abs(bias.score) > 0.9


def test_a_market_that_stands_still_has_no_direction():
    bias = judge(window())
    assert {vote.value for vote in bias.votes} == {0.0}
    assert (bias.direction, bias.score, bias.confidence) == (NEUTRAL, 0.0, 40.0)


@given(st.integers(0, 1_000), st.floats(-0.01, 0.01), st.integers(0, 11))
def test_the_mirror_image_of_a_market_has_the_opposite_votes(seed, drift, phase):
    candles = window(START + (HOURS + 1) * HOUR + phase * FIVE, seed=seed, drift=drift, noise=0.05)
    mirrored = [replace(c, open=200 - c.open, high=200 - c.low, low=200 - c.high, close=200 - c.close) for c in candles]
    bias, opposite = judge(candles), judge(mirrored)
    assert opposite.score == pytest.approx(-bias.score, abs=2e-4)
    for vote, other in zip(bias.votes, opposite.votes, strict=True):
        assert other.value == pytest.approx(-vote.value, abs=2e-4)


@given(st.integers(0, 1_000), st.sampled_from([Decimal("0.001"), Decimal(900)]))
def test_the_unit_of_the_price_does_not_matter(seed, unit):
    candles = window(seed=seed, noise=0.1)
    scaled = [
        replace(c, **{name: getattr(c, name) * unit for name in ("open", "high", "low", "close")}) for c in candles
    ]
    assert judge(scaled).score == pytest.approx(judge(candles).score, abs=2e-4)


@given(st.integers(0, 1_000))
def test_values_weights_and_score_stay_in_their_bounds(seed):
    bias = judge(window(seed=seed, noise=0.3))
    assert sum(vote.weight for vote in bias.votes) == pytest.approx(1.0)
    assert all(-1 <= vote.value <= 1 for vote in bias.votes)
    assert bias.score == pytest.approx(sum(vote.weight * vote.value for vote in bias.votes), abs=5.1e-5)
    for vote in bias.votes:
        expected = LONG if vote.value > vote.threshold else SHORT if vote.value < -vote.threshold else NEUTRAL
        assert vote.direction is expected


def test_a_bias_is_known_at_the_end_of_its_candle_and_holds_for_its_time():
    candles = window(drift=0.02)
    bias = judge(candles)
    assert (bias.open_time, bias.time, bias.expires_at) == (
        candles[-1].open_time, candles[-1].close_time, candles[-1].close_time + TTL,
    )  # fmt: skip
    assert judge(candles) == bias


def test_too_little_confidence_is_no_direction():
    candles = window(drift=0.02)
    assert judge(candles, Calibration(((0.0, 54.9),))).direction is NEUTRAL
    assert judge(candles, Calibration(((0.0, 55.0),))).direction is LONG
    assert judge(candles, FITTED).direction is NEUTRAL


@pytest.mark.parametrize("wrong", [slice(0), slice(1, None), slice(None, 100)])
def test_what_is_not_one_whole_window_is_a_mistake(wrong):
    candles = window()
    with pytest.raises(InvariantViolation, match="are no whole window"):
        judge(candles[wrong])
    with pytest.raises(InvariantViolation):
        judge([*candles[:50], replace(candles[50], complete=False), *candles[51:]])


def test_what_is_missing_is_counted():
    candles = window()
    end = candles[-1].close_time
    assert missing(candles, end) == 0
    assert missing(candles[3:], end) == 3
    assert missing([replace(candles[0], complete=False), *candles[1:]], end) == 1
    assert missing([], end) == 288


# --- the page --------------------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "macro-bias.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### (\d{4}-\d\d-\d\d \d\d:\d\d) UTC$", PAGE, re.MULTILINE)


@cache
def xrp():
    with gzip.open(recorded("candles", "bybit_XRPUSDT_5_2025-11_2026-01.csv.gz"), "rt", encoding="utf-8") as file:
        return [
            make_candle(
                int(row["timestamp"]), row["close"], timeframe=Timeframe.M5, quantity=row["volume"], turnover="0",
                **{field: row[field] for field in ("open", "high", "low")},
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def by_talib(candles):
    """The raw figures of the four votes from plain arrays and TA-Lib."""
    hours = np.array([[float(getattr(c, name)) for name in ("high", "low", "close")] for c in candles[:288]])
    hours = hours.reshape(24, 12, 3)
    high, low, close = hours[:, :, 0].max(axis=1), hours[:, :, 1].min(axis=1), hours[:, -1, 2].copy()
    rising = sum(float(c.quantity) for c in candles[-48:] if c.close > c.open)
    falling = sum(float(c.quantity) for c in candles[-48:] if c.close < c.open)
    return {
        "EMA 4 h": talib.EMA(close, 4)[-1],
        "EMA 12 h": talib.EMA(close, 12)[-1],
        "ATR 14 h": talib.ATR(high, low, close, 14)[-1],
        "RSI 14 h": talib.RSI(close, 14)[-1],
        "+DI 7 h": talib.PLUS_DI(high, low, close, 7)[-1],
        "-DI 7 h": talib.MINUS_DI(high, low, close, 7)[-1],
        "ADX 7 h": talib.ADX(high, low, close, 7)[-1],
        "rising": rising / sum(float(c.quantity) for c in candles[-48:]),
        "falling": falling / sum(float(c.quantity) for c in candles[-48:]),
    }


def shown(text):
    """Rows of an example's two tables: name to the cells behind it."""
    section = PAGE.partition(f"### {text} UTC\n")[2].partition("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in rows}


def test_the_page_works_three_examples():
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_figures_on_the_page_are_those_of_the_recording(text):
    end = int(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp() * 1000)
    candles = [candle for candle in xrp() if window_start(end) <= candle.open_time < end]
    bias, cells = judge(candles, FITTED), shown(text)
    for name, value in by_talib(candles).items():
        assert cells[name] == [f"{value:.1%}" if name in ("rising", "falling") else f"{value:.4f}"], name
    for vote in bias.votes:
        assert cells[vote.name][:3] == [f"{vote.value:.4f}", vote.direction.value, f"{vote.weight * vote.value:+.4f}"]
    assert cells["score"][2] == f"{bias.score:+.4f}"
    assert cells["confidence"][2] == f"{bias.confidence} → {bias.direction}"
