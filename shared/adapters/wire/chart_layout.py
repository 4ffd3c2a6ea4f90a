"""Numbers of a chart in, colours and places out: what a picture needs besides a drawing library."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.domain.candle import Candle
from shared.engine import wording

_MINUTE = 60_000
_DAY = 1440 * _MINUTE
_STEPS = tuple(minutes * _MINUTE for minutes in (5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 10_080, 43_200))
_MOST_MARKS = 5
_EDGE = 0.045
# Share of the width in which a label would be cut off.


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a theme."""

    background: str
    text: str
    faint: str
    grid: str
    up: str
    down: str
    entry: str
    line: str
    spike: str
    rsi: str


PALETTES = {
    "dark": Palette(
        "#11151c", "#f2f5f9", "#9aa5b5", "#232a36", "#2fbf8f", "#f0616d", "#5aa9ff", "#ffc94d", "#ffc94d", "#b79bff"
    ),
    "light": Palette(
        "#ffffff", "#161b24", "#5b6676", "#e6eaf0", "#0e9f6e", "#d83a48", "#1769d1", "#c77700", "#e69500", "#6a48c7"
    ),
}


def time_marks(candles: Sequence[Candle]) -> list[tuple[int, str]]:
    """At most five round times: position of the candle and its label, a time of day or (of long charts) a date."""
    span = candles[0].timeframe.millis * len(candles)
    step = next((step for step in _STEPS if span / step <= _MOST_MARKS), _STEPS[-1])
    form = "%H:%M" if step < _DAY else "%d %b"
    edge = len(candles) * _EDGE
    return [
        (index, f"{wording.moment(candle.open_time):{form}}")
        for index, candle in enumerate(candles)
        if candle.open_time % step == 0 and edge < index < len(candles) - edge
    ]


def spread(wanted: list[float], room: float) -> list[float]:
    """Heights near the wanted ones (ascending), no two nearer than `room`, all within 0..1 as far as that can be."""
    heights = list(wanted)
    for _ in range(3 * len(heights)):
        for lower, upper in pairwise(range(len(heights))):
            overlap = room - (heights[upper] - heights[lower])
            if overlap > 0:
                heights[lower] -= overlap / 2
                heights[upper] += overlap / 2
        heights = [min(1 - room / 2, max(room / 2, height)) for height in heights]
    return heights
