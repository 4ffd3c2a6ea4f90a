import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.signal import Side, signal_id
from shared.engine import chart_button
from tests.makers import START

NAME = st.text(st.characters(codec="utf-8", exclude_characters="|/"), min_size=1, max_size=40)


@given(NAME, NAME, st.integers(0, 10**13), st.sampled_from(Side))
def test_a_button_always_fits_and_always_finds_its_signal(strategy, symbol, open_time, side):
    data = chart_button.data_for(strategy, symbol, open_time, side)
    assert len(data.encode()) <= chart_button.MAX_BYTES
    assert chart_button.matches(data, signal_id(strategy, symbol, open_time, side))
    assert not chart_button.matches(data, signal_id(strategy, symbol, open_time + 1, side))


def test_an_ordinary_button_carries_the_whole_id():
    data = chart_button.data_for("rsi_divergence", "1000000BABYDOGEUSDT", START, Side.SHORT)
    assert chart_button.id_in(data) == signal_id("rsi_divergence", "1000000BABYDOGEUSDT", START, Side.SHORT)


@pytest.mark.parametrize(
    "data", ["", "c", "c|a|b|c|L", "c|a|b|1|X", "c|a|b|٣|L", "x|a|b|1|L", "d|abc", "c|a|b|1|L|more"]
)
def test_what_is_no_whole_id_names_none(data):
    assert chart_button.id_in(data) is None
