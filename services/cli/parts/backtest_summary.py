"""A run of the backtest in, the figures that the command prints out."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from shared.backtest import report_tables as tables
from shared.backtest.account import Costs, Limits
from shared.backtest.run import Run
from shared.engine.statistics import Interval


def interval_json(interval: Interval | None) -> dict[str, float | None] | None:
    """The figure with its 95 % interval; JSON knows no infinity, so it is null."""
    if interval is None:
        return None
    return {name: round(value, 6) if isfinite(value) else None for name, value in interval._asdict().items()}


def summary(run: Run, symbols: Sequence[str], costs: Costs, limits: Limits, seconds: float) -> dict[str, Any]:
    """Plain JSON values. Percentages are of the entry price, after costs.

    Args:
        run: What came out.
        symbols: As given.
        costs: As given.
        limits: As given.
        seconds: That the walk and the account took, machine code at hand.
    """
    shown, account = run.record, run.account
    return {
        "strategy": run.strategy.name,
        "symbols": list(symbols),
        "start": account.start - account.step,
        "end": account.start + account.step * (len(account.equity) - 1),
        "bars": run.bars,
        "bars_per_second": round(run.bars / max(seconds, 1e-9)),
        "trades": shown.count,
        "wins": shown.wins,
        "losses": shown.losses,
        "break_evens": shown.break_evens,
        "still_open": run.still_open,
        "meaningful": shown.is_meaningful,
        "note": tables.verdict(shown),
        "win_rate": interval_json(shown.win_rate),
        "expectancy_pct": interval_json(shown.expectancy_pct),
        "profit_factor": interval_json(shown.profit_factor),
        "max_drawdown": round(float(account.drawdown.max()), 6),
        "final_equity": round(float(account.equity[-1]), 10),
        "without_room": sum(result.size == 0 for result in run.results),
        "fee": costs.fee,
        "slippage": costs.slippage,
        "risk": limits.risk,
        "max_risk": limits.max_risk,
    }


def summary_text(found: Mapping[str, Any]) -> str:
    """A few lines for people."""

    def figure(name: str, form: str) -> str:
        values = found[name]
        if not found["meaningful"] or values is None:
            return tables.TOO_FEW
        texts = [format(value, form) if value is not None else "\N{INFINITY}" for value in values.values()]
        return f"{texts[0]} ({texts[1]} to {texts[2]}, 95 %)"

    return "\n".join(
        [
            f"{found['trades']} trades on {found['bars']:,} candles of {', '.join(found['symbols'])}",
            f"win rate       {figure('win_rate', '.1%')}",
            f"expectancy     {figure('expectancy_pct', '+.3f')}, percent per trade, net",
            f"profit factor  {figure('profit_factor', '.2f')}",
            f"equity         {found['final_equity'] - 1:+.2%}, largest drawdown {found['max_drawdown']:.2%}",
            f"speed          {found['bars_per_second']:,} candles a second",
            found["note"],
            f"written to {found['out']}: trades.csv, equity.csv, report.html",
        ]
    )
