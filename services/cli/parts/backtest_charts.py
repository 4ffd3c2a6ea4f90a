"""Results of a backtest and its candles in, the evidence charts of its best and worst trades out.

A chart is planned and drawn as the platform's own: the live strategy says why, over the candles before the entry.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from services.cli.parts.backtest_strategy import make_live
from shared.adapters import loader
from shared.backtest.candle_arrays import CandleArrays
from shared.backtest.report import Evidence
from shared.backtest.report_tables import percent
from shared.backtest.run import Result, Run
from shared.domain.candle import Candle, CandleSource
from shared.domain.chart import ChartSpec
from shared.domain.signal import Signal, SignalKind
from shared.engine import chart_plan
from shared.errors import ConfigurationError, Unavailable
from shared.ports import ChartRenderer

_PATIENCE_SECONDS = 120
_WARM_UPS = 2  # after two of them a running indicator no longer knows, to the last bit, where it began


def draw(
    run: Run, markets: Mapping[str, CandleArrays], each: int, on_chart: Callable[[], None]
) -> tuple[list[Evidence], str]:
    """Charts of the `each` best and the `each` worst trades, and why some are missing; a report is whole without them.

    Args:
        run: What came out.
        markets: Candles by symbol.
        each: How many; 0 draws nothing.
        on_chart: Called after each chart.
    """
    ranked = sorted(run.results, key=lambda result: result.net_pct)
    worst, best = ranked[:each], ranked[max(each, len(ranked) - each) :][::-1]
    chosen = [("Best", place, result) for place, result in enumerate(best, 1)]
    chosen += [("Worst", place, result) for place, result in enumerate(worst, 1)]
    if not chosen:
        return [], ""
    try:
        adapter = loader.load("charts", "mplfinance")
    except ConfigurationError as error:
        return [], str(error)
    specs = [chart(result, markets[result.position.symbol], run) for _, _, result in chosen]
    captions = [f"{word} {place}: {percent(result.net_pct)} net" for word, place, result in chosen]
    pictures: list[bytes] = []
    missing = ""
    try:
        renderer = adapter.create(adapter.Options(theme="light", timeout=_PATIENCE_SECONDS))
        asyncio.run(_draw_all(renderer, specs, pictures, on_chart))
    except Unavailable as error:
        missing = str(error)
    return [Evidence(caption, png) for caption, png in zip(captions, pictures, strict=False)], missing


def chart(result: Result, candles: CandleArrays, run: Run) -> ChartSpec:
    """What the chart of one trade shows."""
    lines = [_line(result, candles, run, SignalKind.ENTRY), _line(result, candles, run, SignalKind.EXIT)]
    start, end = chart_plan.window(lines, candles.timeframe)
    first, after = candles.open_times.searchsorted([start, end]).tolist()
    return chart_plan.plan(lines, [candle_at(candles, i) for i in range(first, after)])


def candle_at(candles: CandleArrays, i: int) -> Candle:
    """Candle `i`; each number is the shortest decimal of its float, which is what the file said."""

    def exact(value: float) -> Decimal:
        return Decimal(repr(float(value)))

    return Candle(
        exchange=candles.instrument.exchange,
        symbol=candles.instrument.symbol,
        timeframe=candles.timeframe,
        open_time=int(candles.open_times[i]),
        open=exact(candles.opens[i]),
        high=exact(candles.highs[i]),
        low=exact(candles.lows[i]),
        close=exact(candles.closes[i]),
        quantity=exact(candles.quantities[i]),
        turnover=Decimal(0),
        trades=0,
        complete=bool(candles.complete[i]),
        source=CandleSource.EXCHANGE,
    )


async def _draw_all(
    renderer: ChartRenderer, specs: Sequence[ChartSpec], pictures: list[bytes], on_chart: Callable[[], None]
) -> None:
    try:
        for spec in specs:
            pictures.append(await renderer.render(spec))
            on_chart()
    finally:
        await renderer.close()


def _line(result: Result, candles: CandleArrays, run: Run, kind: SignalKind) -> Signal:
    p, is_exit = result.position, kind is SignalKind.EXIT
    return Signal(
        kind=kind,
        signal_id=p.signal_id,
        revision=int(is_exit),
        strategy=run.strategy.name,
        exchange=candles.instrument.exchange,
        symbol=p.symbol,
        side=p.side,
        timeframe=candles.timeframe,
        time=p.exit_time if is_exit else p.entry_time,
        open_time=int(candles.open_times[p.closed_at if is_exit else p.opened_at]),
        price=p.exit_price if is_exit else p.entry_price,
        take_profit=p.take_profit,
        stop_loss=p.stop_loss,
        entry_time=p.entry_time,
        entry_price=p.entry_price,
        reason=p.reason if is_exit else None,
        pnl_pct=p.gain_pct if is_exit else None,
        ambiguous=is_exit and p.ambiguous,
        decision={} if is_exit else _decision(p.opened_at, candles, run),
    )


def _decision(at: int, candles: CandleArrays, run: Run) -> dict[str, object]:
    """The record that the live strategy writes on candle `at`; empty where it says nothing."""
    strategy = make_live(run.strategy)
    span = next(span for span in candles.spans() if span.first <= at < span.end)
    entry = None
    for i in range(max(span.first, at - _WARM_UPS * strategy.warm_up), at + 1):
        entry = strategy.on_candle(candle_at(candles, i))
    return entry.decision if entry is not None else {}
