"""Take profit and stop loss from the entry price."""

from math import nan

import pytest

from shared.strategies.levels import Distances, levels

PERCENT = Distances(1.5, 0.7, 0.0, 0.0)


def test_levels_are_percent_of_the_price_on_the_right_side():
    assert levels(1, 200.0, PERCENT, nan) == pytest.approx((203.0, 198.6))
    assert levels(-1, 200.0, PERCENT, nan) == pytest.approx((197.0, 201.4))


def test_multiples_of_the_range_go_before_percentages():
    assert levels(1, 200.0, PERCENT._replace(take_profit_atr=3.0, stop_loss_atr=1.5), 2.0) == (206.0, 197.0)
    assert levels(-1, 200.0, PERCENT._replace(stop_loss_atr=1.5), 2.0) == pytest.approx((197.0, 203.0))


def test_an_unknown_range_falls_back_to_percentages():
    assert levels(1, 200.0, PERCENT._replace(take_profit_atr=3.0), nan) == pytest.approx((203.0, 198.6))
