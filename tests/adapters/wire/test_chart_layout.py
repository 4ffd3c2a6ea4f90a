from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.wire.chart_layout import PALETTES, spread, time_marks
from shared.domain.timeframe import Timeframe
from tests.makers import MINUTE, START, make_candle


def luminance(colour: str) -> float:
    """Relative luminance: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", sorted(PALETTES))
def test_every_theme_can_be_read(theme):
    palette = PALETTES[theme]
    ground = luminance(palette.background)
    for name, least in {"text": 7, "faint": 4.5, "up": 3, "down": 3, "entry": 3, "line": 3, "rsi": 3}.items():
        light, dark = sorted((luminance(getattr(palette, name)), ground), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least, name


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.floats(0.01, 0.2))
def test_tags_keep_their_order_and_their_distance(heights, room):
    places = spread(sorted(heights), room)
    assert all(upper - lower > room * 0.6 for lower, upper in pairwise(places))
    assert all(0 <= height <= 1 for height in places)


def test_tags_that_have_room_stay_where_they_are():
    assert spread([0.1, 0.5, 0.9], 0.05) == [0.1, 0.5, 0.9]


@pytest.mark.parametrize(
    ("timeframe", "count", "labels"),
    [
        (Timeframe.M1, 120, ["00:30", "01:00", "01:30"]),
        (Timeframe.M1, 40, ["00:10", "00:20", "00:30"]),
        (Timeframe.H1, 240, ["03 Jan", "05 Jan", "07 Jan", "09 Jan"]),
        (Timeframe.M1, 1, []),
    ],
)
def test_marks_are_round_times_away_from_the_edges(timeframe, count, labels):
    step = timeframe.millis // MINUTE * MINUTE
    candles = [make_candle(START + index * step, timeframe=timeframe) for index in range(count)]
    assert [label for _, label in time_marks(candles)] == labels
