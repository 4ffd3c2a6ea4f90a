"""Numbers in, plots as HTML out: SVG that stretches to any width, with labels as text that does not."""

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from shared.backtest.candle_arrays import Array

_COLUMNS = 600
_LINES = 4
_BINS = 24
_FLAT = 1e-12

Label = Callable[[float], str]


def line(values: Array, label: Label, ends: tuple[str, str], kind: str) -> str:
    """A curve over evenly spaced values.

    Args:
        values: At least one.
        label: Text of a height.
        ends: Texts of the first and the last place.
        kind: Class of the style sheet: ``equity`` or ``drawdown``.
    """
    shown = thinned(values)
    low, high = float(shown.min()), float(shown.max())
    span = max(high - low, _FLAT)
    step = 100.0 / max(len(shown) - 1, 1)
    points = " ".join(f"{i * step:.2f},{(high - value) / span * 100:.2f}" for i, value in enumerate(shown.tolist()))
    heights = [high - span * i / _LINES for i in range(_LINES + 1)]
    drawn = f'<polyline points="{points}"/>'
    return _framed(drawn, [label(height) for height in heights], [*ends], kind)


def thinned(values: Array) -> Array:
    """At most about 1,200 values that look the same: of every slice its extremes, in their order."""
    if len(values) <= 2 * _COLUMNS:
        return values
    cuts = np.linspace(0, len(values), _COLUMNS + 1).astype(int)
    kept = {0, len(values) - 1}
    for first, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        part = values[first:end]
        kept |= {first + int(part.argmin()), first + int(part.argmax())}
    return values[sorted(kept)]


def histogram(values: Sequence[float], label: Label) -> str:
    """How often results lie where; losses and gains in two colours.

    Args:
        values: At least one.
        label: Text of a value.
    """
    low, high = min([*values, 0.0]), max([*values, 0.0])
    width = max(high - low, _FLAT) / _BINS
    counts = [0] * _BINS
    for value in values:
        counts[min(int((value - low) / width), _BINS - 1)] += 1
    most, each = max(counts), 100.0 / _BINS
    bars = "".join(
        f'<rect class="{"gain" if low + (i + 0.5) * width > 0 else "loss"}" x="{i * each + 0.3:.2f}" '
        f'y="{100 - 100 * count / most:.2f}" width="{each - 0.6:.2f}" height="{100 * count / most:.2f}"/>'
        for i, count in enumerate(counts)
        if count
    )
    heights = [str(round(most * (_LINES - i) / _LINES)) if most >= _LINES or i in (0, _LINES) else "" for i in range(5)]
    return _framed(bars, heights, [label(low + (high - low) * i / _LINES) for i in range(_LINES + 1)], "histogram")


def _framed(drawn: str, heights: Sequence[str], places: Sequence[str], kind: str) -> str:
    lines = "".join(f'<line x1="0" x2="100" y1="{i * 25}" y2="{i * 25}"/>' for i in range(_LINES + 1))
    left = "".join(f"<span>{escape(text)}</span>" for text in heights)
    return (
        f'<div class="plot {kind}"><div class="heights">{left}</div>'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{lines}{drawn}</svg>'
        f'<div class="places">{"".join(f"<span>{escape(text)}</span>" for text in places)}</div></div>'
    )
