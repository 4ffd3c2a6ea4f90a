"""``tracker warmup``: how many candles until a value no longer depends on where one started, measured on candles."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import click

from services.cli.parts.backtest_input import BacktestInput, input_options
from services.cli.parts.backtest_strategy import make_numeric, names
from services.cli.parts.output import json_option, show, table
from shared.backtest.candle_arrays import CandleArrays, to_arrays
from shared.backtest.numeric_strategy import NumericStrategy
from shared.errors import InvalidInput
from shared.indicators import adx, atr, ema, rsi
from shared.indicators.sma import sma

TOLERANCES = (1e-3, 1e-6, 1e-9)
_STARTS = 24
_HORIZON = 3_000
_COLUMNS = ["name", *(f"to {tolerance:.0e}" for tolerance in TOLERANCES), "unit", "declared"]

Bar = tuple[float, float, float]  # high, low, close


@dataclass(frozen=True)
class Indicator:
    """One indicator with its period.

    Attributes:
        name: For the table.
        run: Values of bars, from a fresh start; NaN while there is none.
        is_share: Whether differences are shares of the value (it is a price) or points (it runs from 0 to 100).
    """

    name: str
    run: Callable[[Sequence[Bar]], Iterator[float]]
    is_share: bool


@click.command(epilog="Example: tracker warmup BTCUSDT-2025-03.csv.gz --symbol BTCUSDT")
@input_options
@json_option
def warmup(given: BacktestInput, *, as_json: bool) -> None:
    """Measure how many candles each indicator and strategy needs until its values no longer depend on the start.

    Each is started at many places of CANDLES and compared with itself started long before; the slowest start counts.
    For a strategy every RSI (and ATR) it can look at must have come so near; "declared" is what it waits for.
    """
    bars = longest_stretch(to_arrays(given.candles))
    strategies = {name: make_numeric(name, {}) for name in names()} | {given.strategy.name: given.strategy}
    rows = [_row(indicator, needed(indicator, bars)) for indicator in indicators(given.strategy)]
    rows += [_strategy_row(strategy, bars) for strategy in strategies.values()]
    show({"candles": len(bars), "rows": rows}, as_json=as_json, text=table(rows, _COLUMNS))


def longest_stretch(candles: CandleArrays) -> list[Bar]:
    """The bars of the longest stretch without a hole.

    Raises:
        InvalidInput: It is too short to measure on.
    """
    span = max(candles.spans(), key=lambda span: span.end - span.first)
    part = slice(*span)
    if span.end - span.first < 2 * _HORIZON:
        raise InvalidInput(
            f"the longest stretch without a hole has {span.end - span.first} candles; give {2 * _HORIZON}"
        )
    return list(
        zip(candles.highs[part].tolist(), candles.lows[part].tolist(), candles.closes[part].tolist(), strict=True)
    )


def indicators(strategy: NumericStrategy) -> list[Indicator]:
    """All of the house, with the periods of the strategy where it has one."""
    p = strategy.parameters
    return [
        _rsi(p.rsi_period),
        _atr(p.atr_period),
        Indicator("adx 14", lambda bars: _adx(bars, 14), is_share=False),
        *(Indicator(f"ema {period}", _ema_of(period), is_share=True) for period in (20, 50, 200)),
        Indicator(f"sma {p.volume_period}", lambda bars: _sma(bars, p.volume_period), is_share=True),
    ]


def needed(indicator: Indicator, bars: Sequence[Bar]) -> list[int | None]:
    """Candles until the values stay within each of `TOLERANCES`, at the slowest start; None where they never do."""
    truth = list(indicator.run(bars))
    most: list[int | None] = [0] * len(TOLERANCES)
    for start in range(_HORIZON, len(bars) - _HORIZON + 1, max(1, (len(bars) - 2 * _HORIZON) // _STARTS)):
        end = start + _HORIZON
        gaps = list(map(_gap(indicator), indicator.run(bars[start:end]), truth[start:end]))
        for place, tolerance in enumerate(TOLERANCES):
            slow, before = _first_within(gaps, tolerance), most[place]
            most[place] = None if slow is None or before is None else max(before, slow)
    return most


def _gap(indicator: Indicator) -> Callable[[float, float], float]:
    def gap(value: float, true: float) -> float:
        if value == true:
            return 0.0
        if isnan(value) or (indicator.is_share and true == 0.0):
            return float("inf")
        return abs(value - true) / abs(true) if indicator.is_share else abs(value - true)

    return gap


def _first_within(gaps: Sequence[float], tolerance: float) -> int | None:
    """Number of values until all that follow are within the tolerance, the first such value included."""
    wrong = next((place for place in range(len(gaps) - 1, -1, -1) if not gaps[place] <= tolerance), -1)
    return wrong + 2 if wrong + 1 < len(gaps) else None


def _row(indicator: Indicator, counts: Sequence[int | None]) -> dict[str, Any]:
    return {"name": indicator.name, **_cells(counts), "unit": "share" if indicator.is_share else "points"}


def _strategy_row(strategy: NumericStrategy, bars: Sequence[Bar]) -> dict[str, Any]:
    """The oldest RSI that is looked at must be good, and the newest ATR."""
    rules = strategy.rules
    slowest = [None if count is None else count + strategy.reach - 1 for count in needed(_rsi(rules.rsi_period), bars)]
    if rules.atr_period:
        ranges = needed(_atr(rules.atr_period), bars)
        slowest = [None if a is None or b is None else max(a, b) for a, b in zip(slowest, ranges, strict=True)]
    return {"name": strategy.name, **_cells(slowest), "unit": "points", "declared": rules.warm_up}


def _cells(counts: Sequence[int | None]) -> dict[str, int | str]:
    return {
        f"to {tolerance:.0e}": f"> {_HORIZON}" if count is None else count
        for tolerance, count in zip(TOLERANCES, counts, strict=True)
    }


def _rsi(period: int) -> Indicator:
    def run(bars: Sequence[Bar]) -> Iterator[float]:
        state = rsi.START
        for _, _, close in bars:
            state, value = rsi.step(state, close, period)
            yield value

    return Indicator(f"rsi {period}", run, is_share=False)


def _atr(period: int) -> Indicator:
    def run(bars: Sequence[Bar]) -> Iterator[float]:
        state = atr.START
        for high, low, close in bars:
            state, value = atr.step(state, high, low, close, period)
            yield value

    return Indicator(f"atr {period}", run, is_share=True)


def _adx(bars: Sequence[Bar], period: int) -> Iterator[float]:
    state = adx.START
    for high, low, close in bars:
        state, value = adx.step(state, high, low, close, period)
        yield value.adx


def _ema_of(period: int) -> Callable[[Sequence[Bar]], Iterator[float]]:
    def run(bars: Sequence[Bar]) -> Iterator[float]:
        state = ema.START
        for _, _, close in bars:
            state, value = ema.step(state, close, period)
            yield value

    return run


def _sma(bars: Sequence[Bar], period: int) -> Iterator[float]:
    closes = [close for _, _, close in bars]
    for end in range(1, len(closes) + 1):
        yield sma(closes, end, period)
