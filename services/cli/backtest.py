"""``tracker backtest``: recorded candles in, what a strategy would have said and made of them out."""

from pathlib import Path
from typing import Any

import click

from services.cli.parts import backtest_charts, backtest_files, backtest_markets
from services.cli.parts.backtest_progress import progress
from services.cli.parts.backtest_strategy import make_numeric, parse_settings
from services.cli.parts.backtest_summary import summary, summary_text
from services.cli.parts.backtest_sweep import SweepOptions, sweep_and_write
from services.cli.parts.output import json_option, show
from shared.adapters.clock.system import SystemClock
from shared.adapters.wire.candle_rows import FIELDS
from shared.adapters.wire.columns import parse_columns
from shared.backtest import report
from shared.backtest.account import Costs, Limits
from shared.backtest.candle_arrays import CandleArrays
from shared.backtest.numeric_strategy import NumericStrategy
from shared.backtest.run import Run, run, warm
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput

_SHARE = click.FloatRange(0, 1)


@click.command(
    epilog="Example: tracker backtest BTCUSDT_1m.csv.gz --symbol BTCUSDT --set oversold=20 --out results. "
    "Several symbols: --symbol BTCUSDT --symbol ETHUSDT BTCUSDT=btc.csv ETHUSDT=eth.csv. "
    "A sweep: --sweep oversold=15:35:5 --sweep take_profit_pct=0.5:3:0.5 --walk-forward 4."
)
@click.argument("candles", nargs=-1, required=True, metavar="CANDLES...")
@click.option(
    "--symbol", "symbols", multiple=True, required=True, help="The symbol; several: give files as SYMBOL=FILE."
)
@click.option(
    "--strategy", default="rsi_divergence", show_default=True, help="The strategy, by its name in the settings."
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter over the strategy's default.")
@click.option("--fee", type=_SHARE, default=0.0006, show_default=True, help="Of each side, as a share of its value.")
@click.option("--slippage", type=_SHARE, default=0.0002, show_default=True, help="Of each side, a share of the price.")
@click.option("--risk", type=_SHARE, default=0.005, show_default=True, help="Of the equity, what a stop loss may cost.")
@click.option("--max-risk", type=_SHARE, default=0.02, show_default=True, help="The same for all open trades together.")
@click.option("--timeframe", default="1m", show_default=True, help="Length of the candles.")
@click.option("--columns", help="For tables: open_time=ts,open=o,high=h,low=l,close=c,quantity=v; or numbers from 0.")
@click.option("--charts", type=click.IntRange(0, 10), default=2, show_default=True, help="Best and worst trades drawn.")
@click.option("--sweep", multiple=True, metavar="NAME=A:B:STEP", help="Try every value; several: every combination.")
@click.option("--random", "at_random", type=click.IntRange(1), help="Try so many combinations, chosen at random.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of that choice.")
@click.option("--train", type=click.FloatRange(0.1, 0.9), default=0.7, show_default=True, help="Share to tune on.")
@click.option(
    "--walk-forward", type=click.IntRange(2, 50), metavar="K", help="Tune K times, each time test on what follows."
)
@click.option(
    "--backend", type=click.Choice(["threads", "dask"]), default="threads", show_default=True, help="Who sweeps."
)
@click.option("--scheduler", help="Address of the Dask scheduler, tcp://host:8786; none: a cluster on this machine.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the results.")
@json_option
def backtest(*, candles: tuple[str, ...], symbols: tuple[str, ...], out: Path, as_json: bool, **given: Any) -> None:
    """Run a strategy over recorded CANDLES, as the live engine would, and report what it would have made.

    Several files of a symbol are one stream. Writes trades.csv, equity.csv and report.html to the folder; with --sweep
    it writes sweep.csv and report.html instead. docs/backtesting.md says what is simulated and what each figure means.
    """
    costs, limits = Costs(given["fee"], given["slippage"]), Limits(given["risk"], given["max_risk"])
    if limits.max_risk < limits.risk or not limits.risk:
        raise InvalidInput(f"--risk {limits.risk:g} must be above 0 and at most --max-risk ({limits.max_risk:g})")
    strategy = make_numeric(given["strategy"], dict(parse_settings(given["settings"])))
    sweep = SweepOptions.read(given, strategy)
    columns = given["columns"]
    source = backtest_markets.Source(
        Timeframe.parse(given["timeframe"]), parse_columns(columns, FIELDS) if columns is not None else None
    )
    files = backtest_markets.assign(candles, symbols)
    backtest_files.prepare(out)
    faults = backtest_markets.Faults()
    markets = _load(files, source, faults)
    if sweep is not None:
        found = sweep_and_write(list(markets.values()), strategy, costs, sweep, out)
        show(found.as_json | {"left_out": dict(faults.counts)}, as_json=as_json, text=found.text)
        return
    result = _run_and_write(markets, strategy, costs, limits, charts=given["charts"], out=out)
    show(result | {"left_out": dict(faults.counts)}, as_json=as_json, text=summary_text(result))


def _load(
    files: dict[str, list[Path]], source: backtest_markets.Source, faults: backtest_markets.Faults
) -> dict[str, CandleArrays]:
    total = sum(path.stat().st_size for paths in files.values() for path in paths if path.exists())
    with progress("reading", total) as bar:
        markets = {}
        for symbol, paths in files.items():
            markets[symbol] = backtest_markets.load(symbol, paths, source, faults, lambda _: bar.render_progress())
            bar.update(sum(path.stat().st_size for path in paths))
    for line in faults.lines:
        click.echo(f"left out: {line}", err=True)
    return markets


def _run_and_write(
    markets: dict[str, CandleArrays], strategy: NumericStrategy, costs: Costs, limits: Limits, *, charts: int, out: Path
) -> dict[str, Any]:
    clock = SystemClock()
    warm(next(iter(markets.values())), strategy, costs, limits)
    began = clock.monotonic()
    done = run(list(markets.values()), strategy, costs, limits)
    seconds = clock.monotonic() - began
    evidence = _evidence(done, markets, charts)
    backtest_files.write_all(
        out,
        {
            "trades.csv": backtest_files.trades_csv(done.results),
            "equity.csv": backtest_files.equity_csv(done.account),
            "report.html": report.page(done, costs, limits, evidence),
        },
    )
    return summary(done, list(markets), costs, limits, seconds) | {"out": str(out)}


def _evidence(done: Run, markets: dict[str, CandleArrays], charts: int) -> list[report.Evidence]:
    wanted = min(2 * charts, len(done.results))
    with progress("drawing", wanted) as bar:
        evidence, missing = backtest_charts.draw(done, markets, charts, lambda: bar.update(1))
    if missing:
        click.echo(f"evidence charts are missing: {missing}", err=True)
    return evidence
