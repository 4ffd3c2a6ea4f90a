from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.chart import LevelKind
from shared.domain.signal import ExitReason, SignalKind
from shared.engine import chart_plan
from shared.errors import InvalidInput
from tests.engine.chart_lines import ENTRY_OPEN, FIRST_PIVOT, SECOND_PIVOT, WHY, make_trade, make_walk
from tests.makers import MINUTE, make_candle, make_signal

WALK = make_walk()
OPEN, CLOSED = make_trade(WALK, closed=False), make_trade(WALK)


def read(lines, candles=WALK):
    start, end = chart_plan.window(lines, lines[0].timeframe)
    return [candle for candle in candles if start <= candle.open_time < end]


def test_a_closed_trade_shows_120_candles_from_before_the_pivot_to_after_the_exit():
    spec = chart_plan.plan(CLOSED, read(CLOSED))
    assert len(spec.candles) == chart_plan.CANDLES
    assert spec.candles[0].open_time < FIRST_PIVOT
    assert spec.candles[-1].open_time == CLOSED[-1].open_time + 6 * MINUTE
    assert spec.exit == (CLOSED[-1].open_time, CLOSED[-1].price)
    assert spec.subtitle == "Take profit +1.10\xa0% in 42\xa0min"


def test_an_open_trade_has_its_entry_near_the_right_edge_and_says_why():
    known = [candle for candle in read(OPEN) if candle.open_time <= ENTRY_OPEN + 2 * MINUTE]
    spec = chart_plan.plan(OPEN, known)
    assert spec.candles[-1].open_time == ENTRY_OPEN + 2 * MINUTE
    assert spec.entry == (ENTRY_OPEN, OPEN[0].price)
    assert (spec.exit, spec.subtitle) == (None, WHY)


def test_every_number_comes_from_the_decision_record():
    spec = chart_plan.plan(CLOSED, read(CLOSED))
    assert [point.open_time for point in spec.price_divergence] == [FIRST_PIVOT, SECOND_PIVOT]
    assert [point.value for point in spec.rsi_divergence] == [22.4, 31.8]
    assert (spec.spike_open_time, spec.volume_mean) == (SECOND_PIVOT, 8.4)
    assert (spec.rsi_oversold, spec.rsi_overbought, spec.price_decimals) == (25, 75, 1)
    assert dict(spec.rsi)[SECOND_PIVOT] == 31.8
    assert spec.rsi[-1].open_time == ENTRY_OPEN


def test_the_pivot_is_shown_even_when_the_trade_lasted_long():
    walk = make_walk(430)
    late = replace(CLOSED[-1], open_time=ENTRY_OPEN + 300 * MINUTE)
    spec = chart_plan.plan([CLOSED[0], late], read([CLOSED[0], late], walk))
    assert spec.candles[0].open_time < FIRST_PIVOT
    assert spec.exit is not None


def test_a_trade_longer_than_a_chart_keeps_its_evidence_and_leaves_the_exit_out():
    walk = make_walk(800)
    late = replace(CLOSED[-1], open_time=ENTRY_OPEN + 700 * MINUTE)
    candles = read([CLOSED[0], late], walk)
    spec = chart_plan.plan([CLOSED[0], late], candles)
    assert len(candles) <= 480
    assert spec.entry is not None
    assert spec.exit is None


def test_an_exit_beside_the_levels_has_a_line_of_its_own():
    stopped = replace(CLOSED[-1], reason=ExitReason.TRAILING_STOP)
    kinds = [level.kind for level in chart_plan.plan([CLOSED[0], stopped], read(CLOSED)).levels]
    assert LevelKind.EXIT in kinds
    assert LevelKind.EXIT not in [level.kind for level in chart_plan.plan(CLOSED, read(CLOSED)).levels]


def test_holes_in_the_store_are_drawn_flat_so_that_time_stays_even():
    candles = read(CLOSED)
    spec = chart_plan.plan(CLOSED, candles[:50] + candles[55:])
    times = [candle.open_time for candle in spec.candles]
    assert times == [candle.open_time for candle in candles]
    assert spec.candles[52].quantity == 0
    assert spec.candles[52].close == candles[49].close


def test_without_the_entry_line_the_entry_is_still_marked():
    spec = chart_plan.plan(CLOSED[-1:], read(CLOSED[-1:]))
    assert spec.entry == (ENTRY_OPEN, CLOSED[0].entry_price)
    assert (spec.rsi, spec.price_divergence) == ((), ())


def test_no_candles_and_no_lines_are_named():
    with pytest.raises(InvalidInput, match="rsi_divergence/BTCUSDT"):
        chart_plan.plan(CLOSED, [])
    with pytest.raises(InvalidInput):
        chart_plan.window([], CLOSED[0].timeframe)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["open_time", "price", "rsi"]), inner),
    max_leaves=6,
)
KEYS = ["why", "pivots", "spike", "rsi_series", "parameters", "price_decimals", "gates", "candle"]


@given(st.dictionaries(st.sampled_from(KEYS), JUNK))
def test_a_record_of_any_shape_gives_a_chart(record):
    line = make_signal(SignalKind.ENTRY, decision=record)
    candle = make_candle(line.open_time)
    spec = chart_plan.plan([line], [candle])
    start, end = chart_plan.window([line], line.timeframe)
    assert spec.candles == (candle,)
    assert start < end
