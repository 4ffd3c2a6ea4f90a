"""What a calibration is fitted on: each score beside what the price really did, and never across a hole."""

import pytest

from shared.domain.instrument import Instrument
from shared.engine.macro_calibration import FITTED
from shared.engine.macro_history import EVERY, HORIZON, samples
from shared.engine.macro_votes import HOURS, decide, window_start
from tests.engine.macro_markets import FIVE, HOUR, market
from tests.makers import START

AHEAD = HORIZON // FIVE


def score_of(candles, index):
    """The score the platform would have published on this candle."""
    end = candles[index].close_time
    window = [candle for candle in candles if window_start(end) <= candle.open_time < end]
    return decide(window, Instrument("x", "BTCUSDT"), "x", calibration=FITTED, ttl=1).score


def test_a_sample_is_the_published_score_and_what_came_four_hours_later():
    candles = market(600, noise=0.1, seed=3)
    expected = []
    for index in range(0, len(candles) - AHEAD, EVERY):
        if candles[index].close_time - candles[0].open_time >= HOURS * HOUR:
            score = score_of(candles, index)
            change = candles[index + AHEAD].close - candles[index].close
            expected.append((abs(score), change * (1 if score > 0 else -1) > 0))
    assert len(expected) > 15
    assert list(samples(candles)) == expected


@pytest.mark.parametrize("drift", [0.02, -0.02])
def test_in_a_market_with_one_direction_every_score_held(drift):
    found = list(samples(market(400, drift=drift)))
    assert found
    assert all(held and size > 0.9 for size, held in found)


def test_a_market_that_stands_still_has_no_sample():
    assert list(samples(market(400))) == []


def test_no_sample_reaches_across_a_hole():
    candles = market(800, drift=0.02)
    whole = list(samples(candles))
    apart = [*samples(candles[:400]), *samples(candles[401:])]
    assert list(samples([*candles[:400], *candles[401:]])) == apart
    assert 0 < len(apart) < len(whole)


def test_too_little_history_has_no_sample():
    assert list(samples(market(HOURS * 12 + AHEAD - 1, start=START, drift=0.02))) == []
