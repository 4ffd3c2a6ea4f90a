"""A chart specification in, PNG bytes out. Runs inside a worker process; nothing else may import this module.

Sizes are pixels of the picture. A phone shows it about 390 points wide, so no text is smaller than 24 of 1,000 pixels.
"""

import io
import textwrap
from typing import Any

import mplfinance
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from shared.adapters.wire.chart_layout import PALETTES, Palette, spread, time_marks
from shared.domain.chart import ChartSpec, LevelKind, Point
from shared.engine import wording

_DPI = 200
_REFERENCE_WIDTH = 1000
_TITLE, _TEXT, _SMALL = 36, 25, 24
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.022, 0.775, 0.855, 0.05
_PRICE_SHARE, _VOLUME_SHARE, _RSI_SHARE = 5.2, 1.35, 2.0
_SUBTITLE_WIDTH, _SUBTITLE_LINES = 66, 2


def draw(spec: ChartSpec, width: int, height: int, theme: str) -> bytes:
    """PNG of `width` x `height` pixels. The figure is on no list of pyplot's, so it goes with this call."""
    sketch = _Sketch(spec, PALETTES[theme], width, height)
    sketch.draw()
    return sketch.png()


class _Sketch:
    """One figure while it is being drawn. Candles stand at x = 0, 1, 2 ..."""

    def __init__(self, spec: ChartSpec, palette: Palette, width: int, height: int) -> None:
        self._spec = spec
        self._colour = palette
        self._scale = width / _REFERENCE_WIDTH
        self._height = height
        self._places = {candle.open_time: index for index, candle in enumerate(spec.candles)}
        self._figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=palette.background)
        FigureCanvasAgg(self._figure)
        shares = [_PRICE_SHARE, _VOLUME_SHARE] + ([_RSI_SHARE] if spec.rsi else [])
        grid = self._figure.add_gridspec(
            len(shares), 1, height_ratios=shares, left=_LEFT, right=_RIGHT, top=_TOP, bottom=_BOTTOM, hspace=0.07
        )
        self._panes: list[Axes] = [self._figure.add_subplot(grid[row]) for row in range(len(shares))]

    def draw(self) -> None:
        price, volume, *rest = self._panes
        self._candles(price, volume)
        for pane in self._panes:
            self._dress(pane)
        self._price_pane(price)
        self._volume_pane(volume)
        for pane in rest:
            self._rsi_pane(pane)
        self._time_axis()
        self._headings()

    def png(self) -> bytes:
        buffer = io.BytesIO()
        # No metadata: the same specification gives the same bytes.
        self._figure.savefig(buffer, format="png", facecolor=self._colour.background, metadata={"Software": None})
        self._figure.clear()
        return buffer.getvalue()

    def _points(self, pixels: float) -> float:
        """Pixels of the picture as matplotlib's points."""
        return pixels * self._scale * 72 / _DPI

    def _candles(self, price: Axes, volume: Axes) -> None:
        candles = self._spec.candles
        columns = ("open", "high", "low", "close", "quantity")
        frame = pd.DataFrame(
            {name: [float(getattr(candle, name)) for candle in candles] for name in columns},
            index=pd.DatetimeIndex([wording.moment(candle.open_time) for candle in candles]),
        ).rename(columns={"quantity": "volume"})
        colour = self._colour
        market = mplfinance.make_marketcolors(
            up=colour.up,
            down=colour.down,
            edge="inherit",
            wick="inherit",
            volume={"up": colour.up, "down": colour.down},
        )
        mplfinance.plot(
            frame,
            type="candle",
            ax=price,
            volume=volume,
            style=mplfinance.make_mpf_style(marketcolors=market, facecolor=colour.background),
            columns=("open", "high", "low", "close", "volume"),
            update_width_config={"candle_linewidth": self._points(2.2), "candle_width": 0.72, "volume_width": 0.72},
            warn_too_much_data=len(frame) + 1,
        )

    def _dress(self, pane: Axes) -> None:
        colour = self._colour
        pane.set_facecolor(colour.background)
        pane.set_xlim(-1.5, len(self._spec.candles) + 1.5)
        pane.set_ylabel("")
        pane.grid(visible=True, color=colour.grid, linewidth=self._points(1.5), linestyle="-")
        pane.set_axisbelow(True)
        pane.yaxis.tick_right()
        pane.tick_params(
            length=0, colors=colour.faint, labelsize=self._points(_SMALL), pad=self._points(10), rotation=0
        )
        pane.tick_params(axis="x", labelbottom=pane is self._panes[-1])
        for spine in pane.spines.values():
            spine.set_visible(False)

    def _price_pane(self, pane: Axes) -> None:
        spec = self._spec
        prices = [level.price for level in spec.levels]
        low = min([float(candle.low) for candle in spec.candles] + prices)
        high = max([float(candle.high) for candle in spec.candles] + prices)
        margin = (high - low or abs(high) or 1) * 0.06
        pane.set_ylim(low - margin, high + margin)
        self._stroke(pane, spec.price_divergence)
        self._trade_area(pane)
        tags = self._level_tags(pane)
        self._price_ticks(pane, tags)
        self._marks(pane)

    def _trade_area(self, pane: Axes) -> None:
        """Gain and risk as soft areas, from the entry to the right edge."""
        level = {level.kind: level.price for level in self._spec.levels}
        if self._spec.entry is None or LevelKind.ENTRY not in level:
            return
        start = self._places[self._spec.entry.open_time]
        end = self._places[self._spec.exit.open_time] if self._spec.exit else len(self._spec.candles) + 1.5
        sides = ((LevelKind.TAKE_PROFIT, self._colour.up), (LevelKind.STOP_LOSS, self._colour.down))
        for kind, colour in sides:
            if kind in level:
                pane.fill_between([start, end], level[LevelKind.ENTRY], level[kind], color=colour, alpha=0.13, lw=0)

    def _level_tags(self, pane: Axes) -> list[float]:
        """Lines of the levels with their tags at the right edge; returns the heights (axes fraction) of the tags."""
        spec, colour = self._spec, self._colour
        paint = {
            LevelKind.ENTRY: colour.entry,
            LevelKind.TAKE_PROFIT: colour.up,
            LevelKind.STOP_LOSS: colour.down,
            LevelKind.EXIT: colour.line,
        }
        levels = sorted(spec.levels, key=lambda level: level.price)
        bottom, top = pane.get_ylim()
        wanted = [(level.price - bottom) / (top - bottom) for level in levels]
        heights = spread(wanted, self._tag_height(pane))
        for level, height in zip(levels, heights, strict=True):
            pane.axhline(
                level.price, color=paint[level.kind], linewidth=self._points(3), linestyle=(0, (5, 3)), alpha=0.9
            )
            pane.annotate(
                f"{level.label} {wording.price_text(level.price, spec.price_decimals)}",
                xy=(1.0, height),
                xycoords="axes fraction",
                xytext=(self._points(8), 0),
                textcoords="offset points",
                va="center",
                color=colour.background,
                fontsize=self._points(self._tag_size()),
                fontweight="bold",
                bbox={"boxstyle": "round,pad=0.28", "facecolor": paint[level.kind], "edgecolor": "none"},
            )
        return heights

    def _tag_size(self) -> float:
        """Type size with which the longest tag fits beside the panes."""
        texts = [f"{lv.label} {wording.price_text(lv.price, self._spec.price_decimals)}" for lv in self._spec.levels]
        room = (1 - _RIGHT) * _REFERENCE_WIDTH - 34
        return min(_TEXT, room / (0.6 * max((len(text) for text in texts), default=1)))

    def _tag_height(self, pane: Axes) -> float:
        return _TEXT * 1.9 * self._scale / (pane.get_position().height * self._height)

    def _price_ticks(self, pane: Axes, tags: list[float]) -> None:
        """Round prices at the right edge, except where a tag stands."""
        bottom, top = pane.get_ylim()
        room = self._tag_height(pane) * 0.9
        ticks = []
        for value in MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]).tick_values(bottom, top):
            height = (value - bottom) / (top - bottom)
            if 0.02 < height < 0.98 and all(abs(height - tag) > room for tag in tags):  # noqa: PLR2004  # not on the edge
                ticks.append(float(value))
        pane.set_yticks(ticks, [wording.price_text(value, self._spec.price_decimals) for value in ticks])

    def _marks(self, pane: Axes) -> None:
        """Where the trade began and ended."""
        colour = self._colour
        edge: dict[str, Any] = {"markeredgecolor": colour.background, "markeredgewidth": self._points(3.5), "zorder": 5}
        for point, marker, paint in ((self._spec.entry, "o", colour.entry), (self._spec.exit, "X", colour.line)):
            if point is not None:
                at = self._places[point.open_time]
                pane.plot([at], [point.value], marker, color=paint, markersize=self._points(21), **edge)

    def _volume_pane(self, pane: Axes) -> None:
        spec, colour = self._spec, self._colour
        quantities = [float(candle.quantity) for candle in spec.candles]
        pane.set_ylim(0, max([*quantities, spec.volume_mean or 0]) * 1.25 or 1)
        for patch in pane.patches:
            patch.set_alpha(0.5)
            patch.set_linewidth(0)
        pane.set_yticks([])
        self._caption(pane, "Volume")
        spike = self._places.get(spec.spike_open_time) if spec.spike_open_time is not None else None
        if spike is not None:
            pane.bar([spike], [quantities[spike]], width=0.95, color=colour.spike, zorder=4)
        if spec.volume_mean is None:
            return
        pane.axhline(spec.volume_mean, color=colour.faint, linewidth=self._points(2.5), linestyle=(0, (4, 3)))
        words = ["mean"]
        if spike is not None and spec.volume_mean > 0:
            words.insert(0, f"{quantities[spike] / spec.volume_mean:.1f}\N{MULTIPLICATION SIGN}")
        self._side_note(pane, spec.volume_mean, " ".join(words), colour.spike if spike is not None else colour.faint)

    def _rsi_pane(self, pane: Axes) -> None:
        spec, colour = self._spec, self._colour
        low = min([point.value for point in spec.rsi] + [spec.rsi_oversold])
        high = max([point.value for point in spec.rsi] + [spec.rsi_overbought])
        pane.set_ylim(max(0, low - 8), min(100, high + 8))
        for value in (spec.rsi_oversold, spec.rsi_overbought):
            pane.axhline(value, color=colour.faint, linewidth=self._points(2), linestyle=(0, (4, 3)))
        xs = [self._places[point.open_time] for point in spec.rsi]
        pane.plot(xs, [point.value for point in spec.rsi], color=colour.rsi, linewidth=self._points(4))
        self._stroke(pane, spec.rsi_divergence)
        pane.set_yticks(
            [spec.rsi_oversold, spec.rsi_overbought], [f"{spec.rsi_oversold:g}", f"{spec.rsi_overbought:g}"]
        )
        self._caption(pane, "RSI")

    def _stroke(self, pane: Axes, points: tuple[Point, ...]) -> None:
        """A divergence line with dots on its ends."""
        xs = [self._places[point.open_time] for point in points]
        pane.plot(
            xs,
            [point.value for point in points],
            color=self._colour.line,
            linewidth=self._points(5),
            marker="o",
            markersize=self._points(13),
            zorder=4,
        )

    def _caption(self, pane: Axes, text: str) -> None:
        pane.text(
            0.008,
            0.93,
            text,
            transform=pane.transAxes,
            va="top",
            color=self._colour.text,
            fontsize=self._points(_SMALL),
            bbox={"boxstyle": "round,pad=0.2", "facecolor": self._colour.background, "edgecolor": "none", "alpha": 0.8},
            zorder=6,
        )

    def _side_note(self, pane: Axes, value: float, text: str, colour: str) -> None:
        pane.annotate(
            text,
            xy=(1.0, value),
            xycoords=("axes fraction", "data"),
            xytext=(self._points(10), 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=self._points(_SMALL),
        )

    def _time_axis(self) -> None:
        """Round times, and at the right end the day of the last candle with the zone."""
        candles = self._spec.candles
        marks = time_marks(candles)
        for pane in self._panes:
            pane.xaxis.set_major_locator(FixedLocator([index for index, _ in marks]))
        self._panes[-1].set_xticks([index for index, _ in marks], [label for _, label in marks])
        last = wording.moment(candles[-1].open_time)
        self._text(0.985, 0.0245, f"{last:%d %b} UTC", _SMALL, ha="right", va="baseline")

    def _headings(self) -> None:
        head, *details = self._spec.title.split(" \N{MIDDLE DOT} ")
        self._text(0.028, 0.972, head, _TITLE, color=self._colour.text, fontweight="bold")
        self._text(0.985, 0.966, " \N{MIDDLE DOT} ".join(details), _TEXT, ha="right")
        lines = textwrap.wrap(
            self._spec.subtitle, _SUBTITLE_WIDTH, max_lines=_SUBTITLE_LINES, placeholder="\N{HORIZONTAL ELLIPSIS}"
        )
        self._text(0.028, 0.926, "\n".join(lines), _SMALL, linespacing=1.3)

    def _text(self, x: float, y: float, text: str, pixels: float, **style: Any) -> None:
        """Text outside the panes. A dollar sign is a dollar sign, never the beginning of a formula."""
        style = {"va": "top", "color": self._colour.faint, "parse_math": False, **style}
        self._figure.text(x, y, text, fontsize=self._points(pixels), **style)
