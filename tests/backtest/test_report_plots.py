"""Plots: the curve keeps its extremes, the bars count every result."""

import re

import numpy as np

from shared.backtest.report_plots import histogram, line, thinned


def text(value):
    return f"{value:.1f}"


def test_a_long_curve_keeps_its_extremes():
    values = np.sin(np.arange(100_000) / 3_000)
    values[54_321] = 9.0
    shown = thinned(values)
    assert len(shown) <= 1_202
    assert shown.max() == 9.0
    assert (shown[0], shown[-1]) == (values[0], values[-1])


def test_a_short_curve_is_drawn_as_it_is():
    drawn = line(np.array([1.0, 3.0, 2.0]), text, ("a", "b"), "equity")
    assert 'points="0.00,100.00 50.00,0.00 100.00,50.00"' in drawn
    assert "<span>3.0</span><span>2.5</span><span>2.0</span><span>1.5</span><span>1.0</span>" in drawn


def test_a_flat_curve_can_be_drawn():
    assert "polyline" in line(np.array([1.0]), text, ("a", "b"), "equity")


def test_losses_and_gains_stand_apart():
    drawn = histogram([-0.86, -0.86, 1.34], text)
    heights = re.findall(r'class="(gain|loss)" x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)"', drawn)
    assert heights == [("loss", "100.00"), ("gain", "50.00")]


def test_equal_results_can_be_drawn():
    assert "rect" in histogram([0.0, 0.0], text)
