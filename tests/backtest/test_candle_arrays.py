"""Candles as arrays: each number the nearest float, cut where a strategy begins anew."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backtest.candle_arrays import Span, to_arrays
from shared.domain.timeframe import Timeframe
from shared.engine.candle_sequence import plan
from shared.errors import InvalidInput
from tests.makers import MINUTE, START, make_candle


def row(text):
    """Candles of a picture: ``c`` complete, ``i`` incomplete, ``.`` missing."""
    return [make_candle(START + n * MINUTE, complete=letter == "c") for n, letter in enumerate(text) if letter != "."]


@pytest.mark.parametrize(
    ("picture", "spans"),
    [
        ("c", [(0, 1)]),
        ("ccc", [(0, 3)]),
        ("cc.cc", [(0, 2), (2, 4)]),
        ("c...c", [(0, 1), (1, 2)]),
        ("ccicc", [(0, 2), (2, 3), (3, 5)]),
        ("cii.c", [(0, 1), (1, 2), (2, 3), (3, 4)]),
        ("icc", [(0, 1), (1, 3)]),
    ],
)
def test_stretches_end_at_holes_and_around_incomplete_candles(picture, spans):
    assert to_arrays(row(picture)).spans() == [Span(*span) for span in spans]


@given(st.text("ccci.", min_size=1, max_size=40))
def test_a_stretch_begins_where_the_live_sequence_begins_anew(picture):
    candles = row(picture.lstrip(".i"))
    if not candles:
        return
    steps = plan(0, candles, hole_patience=0).steps
    anew = {0}
    for place, step in enumerate(steps):
        if step.after_gap or not step.candle.complete:
            anew.add(place)
        if not step.candle.complete:
            anew.add(place + 1)
    assert {span.first for span in to_arrays(candles).spans()} == anew - {len(candles)}


@given(st.decimals(min_value=Decimal("1e-9"), max_value=Decimal("1e9"), allow_nan=False))
def test_every_float_is_the_nearest_to_the_exact_decimal(price):
    arrays = to_arrays([make_candle(close=str(price))])
    for name in ("opens", "highs", "lows", "closes"):
        assert getattr(arrays, name).tolist() == [float(price)]


@pytest.mark.parametrize(
    ("trades", "quantity", "traded"), [(1, "1", True), (0, "1", True), (1, "0", True), (0, "0", False)]
)
def test_a_minute_counts_as_traded_by_its_trades_or_its_quantity(trades, quantity, traded):
    assert to_arrays([make_candle(trades=trades, quantity=quantity)]).traded.tolist() == [traded]


def test_arrays_know_whose_they_are():
    arrays = to_arrays(row("cc"))
    assert (arrays.instrument.symbol, arrays.timeframe, len(arrays)) == ("BTCUSDT", Timeframe.M1, 2)
    assert arrays.open_times.tolist() == [START, START + MINUTE]


def test_no_candles_are_refused():
    with pytest.raises(InvalidInput, match="no candles"):
        to_arrays([])
