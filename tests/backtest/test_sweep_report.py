"""What is told of a sweep comes from the span it was not chosen on."""

import numpy as np
import pytest

from shared.backtest.account import Costs
from shared.backtest.sweep import Axis, Trial
from shared.backtest.sweep_report import page, tune
from shared.engine.statistics import record
from tests.backtest.markets import arrays
from tests.makers import MINUTE, START

MARKET = arrays([100.0] * 400)
AXES = (Axis("oversold", (20.0, 25.0, 30.0)),)


def made(value, before, after):
    """Forty results a span; the train span is the first half."""
    begins = np.array([START + (5 * i) * MINUTE for i in range(80)])
    nets = np.array([(before if i < 40 else after) + 0.01 * (i % 2) for i in range(80)])
    return Trial({"oversold": value}, begins, begins + MINUTE, nets)


def test_the_best_is_chosen_on_the_train_span_and_told_of_the_test_span():
    tuned = tune([made(20.0, 0.5, 3.0), made(25.0, 1.0, -1.0)], [MARKET], AXES, 0.5, 0)
    assert [row.values["oversold"] for row in tuned.rows] == [25.0, 20.0]
    assert tuned.told == record([-1.0, -0.99] * 20)
    assert tuned.rows[0].test.mean == pytest.approx(-0.995)
    assert tuned.out_of_sample is None


def test_a_lucky_best_and_a_losing_best_are_warned_of():
    lucky = tune([made(20.0, -0.5, 0.0), made(25.0, 1.0, 0.0), made(30.0, -0.4, 0.0)], [MARKET], AXES, 0.5, 0)
    assert ["stands alone" in text for text in lucky.warnings] == [True]
    losing = tune([made(20.0, -0.5, 0.0), made(25.0, -1.0, 0.0)], [MARKET], AXES, 0.5, 0)
    assert ["least bad" in text for text in losing.warnings] == [True]
    sound = tune([made(20.0, 0.9, 0.0), made(25.0, 1.0, 0.0), made(30.0, 0.9, 0.0)], [MARKET], AXES, 0.5, 0)
    assert sound.warnings == []


def test_the_page_shows_warnings_folds_and_both_spans():
    trials = [made(20.0, -0.5, 0.0), made(25.0, 1.0, -2.0), made(30.0, -0.4, 0.0)]
    shown = page(tune(trials, [MARKET], AXES, 0.5, 3), "rsi_divergence", Costs(0.0006, 0.0002))
    assert "After costs this loses" in shown
    assert "stands alone" in shown
    assert "Walk-forward" in shown
    assert shown.count("<tr><th>oversold") == 3
    assert "http" not in shown
