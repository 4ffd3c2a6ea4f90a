"""These tests load the drawing libraries into the test process; that the platform's own process never does is shown by
`tests/adapters/charts/test_mplfinance.py`."""

import struct
from dataclasses import replace

import pytest

from shared.adapters.wire import mplfinance_figure as figure
from shared.adapters.wire.chart_layout import PALETTES
from shared.engine import chart_plan
from tests.engine.chart_lines import make_trade, make_walk, scaled

WALK = make_walk()
SPEC = chart_plan.plan(make_trade(WALK), WALK)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("theme", sorted(PALETTES))
def test_a_picture_has_the_size_that_was_asked_for_in_every_theme(theme):
    assert size(figure.draw(SPEC, 500, 550, theme)) == (500, 550)


def test_the_same_specification_gives_the_same_bytes_and_a_themed_one_others():
    first = figure.draw(SPEC, 400, 440, "dark")
    assert figure.draw(SPEC, 400, 440, "dark") == first
    assert figure.draw(SPEC, 400, 440, "light") != first


@pytest.mark.parametrize(
    "changes",
    [
        {"rsi": (), "rsi_divergence": ()},
        {"price_divergence": (), "spike_open_time": None, "volume_mean": None},
        {"entry": None, "exit": None, "levels": ()},
        {
            "candles": SPEC.candles[:1],
            "rsi": (),
            "price_divergence": (),
            "rsi_divergence": (),
            "entry": None,
            "exit": None,
        },
        {"candles": tuple(scaled(list(SPEC.candles), "0")), "levels": ()},
        {"subtitle": "costs $5 and $6_x^2$ <b> " * 20, "title": "$a$ _b_"},
        {"candles": tuple(scaled(list(SPEC.candles), "1e-9")), "price_decimals": 12, "levels": (), "exit": None},
    ],
)
def test_a_chart_with_parts_missing_or_odd_is_drawn(changes):
    assert size(figure.draw(replace(SPEC, **changes), 400, 440, "dark")) == (400, 440)


def test_each_part_leaves_its_mark_on_the_picture():
    whole = figure.draw(SPEC, 400, 440, "dark")
    parts = {"price_divergence": (), "rsi_divergence": (), "spike_open_time": None, "entry": None, "exit": None}
    pictures = {figure.draw(replace(SPEC, **{name: value}), 400, 440, "dark") for name, value in parts.items()}
    assert len(pictures | {whole}) == len(parts) + 1


def test_drawing_leaves_no_figure_behind():
    import matplotlib.pyplot as plt  # noqa: PLC0415  # it is loaded for its list of figures, which must stay empty

    figure.draw(SPEC, 400, 440, "dark")
    assert plt.get_fignums() == []
