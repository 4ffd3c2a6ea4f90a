"""``tracker stats``: what the signals were worth, from the ledger, net of costs and with intervals."""

import asyncio
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import click

from services.cli.parts.known_names import check_name
from services.cli.parts.output import json_option, read_settings, settings_option, show, table
from services.wiring import Wiring
from shared.domain.shadow import told
from shared.domain.signal import Signal
from shared.engine.statistics import LEAST, Interval
from shared.engine.track_record import GROUPS, Closed, Costs, TrackRecord, closed_positions, grouped, track_record
from shared.runtime.settings import Settings

_ALL = 1_000_000
_MINUTE = 60_000
_NO_CLAIM = f"n < {LEAST}: not meaningful"
_COLUMNS = [
    "group", "n", "wins", "losses", "even", "win rate %", "expectancy %", "profit factor", "drawdown %", "minutes",
    "ambiguous", "revised",
]  # fmt: skip


@click.command(epilog="Example: tracker stats --by symbol --fee 0.0006")
@click.option("--strategy", help="Only this strategy, or this shadow.")
@click.option("--symbol", help="Only this symbol.")
@click.option("--by", type=click.Choice(list(GROUPS)), help="A line for each of these as well.")
@click.option("--fee", type=click.FloatRange(0, 0.1), help="Share of each side.  [default: paper.fee]")
@click.option(
    "--slippage", type=click.FloatRange(0, 0.1), help="Share of the price, per side.  [default: paper.slippage]"
)
@settings_option
@json_option
def stats(
    *,
    strategy: str | None,
    symbol: str | None,
    by: str | None,
    fee: float | None,
    slippage: float | None,
    settings_file: Path | None,
    as_json: bool,
) -> None:
    """Show what the closed positions of the ledger were worth, after costs, with 95 % intervals.

    Shadows are left out unless one is named. Fewer than 30 positions claim nothing. docs/signals.md defines every word.
    """
    settings = read_settings(settings_file)
    paper = settings.paper
    costs = Costs(paper.fee if fee is None else fee, paper.slippage if slippage is None else slippage)
    positions = _chosen(asyncio.run(_lines(settings)), strategy, symbol)
    total = track_record("all", positions, costs)
    groups = grouped(positions, by, costs) if by else []
    result = {
        "strategy": strategy,
        "symbol": symbol and symbol.upper(),
        **asdict(costs),
        "total": _plain(total),
        "by": by,
        "groups": [_plain(group) for group in groups],
    }
    text = (
        table([_row(group) for group in (*groups, total)], _COLUMNS)
        + f"\nnet of fee {costs.fee:g} and slippage {costs.slippage:g}"
    )
    show(result, as_json=as_json, text=text if positions else "no closed position yet")


async def _lines(settings: Settings) -> list[Signal]:
    wiring = Wiring(settings)
    try:
        return await wiring.store.signals(_ALL)
    finally:
        await wiring.close()


def _chosen(lines: list[Signal], strategy: str | None, symbol: str | None) -> list[Closed]:
    if strategy:
        check_name("signal of strategy", strategy, {line.strategy for line in lines})
        lines = [line for line in lines if line.strategy == strategy]
    else:
        lines = told(lines)
    if symbol:
        check_name("signal of symbol", symbol.upper(), {line.symbol for line in lines})
        lines = [line for line in lines if line.symbol == symbol.upper()]
    return closed_positions(lines)


def _plain(group: TrackRecord) -> dict[str, Any]:
    """For programs. Figures that would claim too much are null, and so is a profit factor without a loss."""
    shown = group.record
    claims = shown.is_meaningful
    return {
        "name": group.name,
        "n": shown.count,
        "wins": shown.wins,
        "losses": shown.losses,
        "break_evens": shown.break_evens,
        "meaningful": claims,
        "win_rate": _interval(shown.win_rate) if claims else None,
        "expectancy_pct": _interval(shown.expectancy_pct) if claims else None,
        "profit_factor": _interval(shown.profit_factor) if claims else None,
        "max_drawdown": group.max_drawdown if claims else None,
        "mean_duration": group.mean_duration,
        "ambiguous": group.ambiguous,
        "data_revised": group.data_revised,
    }


def _interval(interval: Interval | None) -> dict[str, float | None] | None:
    if interval is None:
        return None
    return {name: value if isfinite(value) else None for name, value in interval._asdict().items()}


def _row(group: TrackRecord) -> dict[str, Any]:
    shown = group.record
    claims = {
        "win rate %": _span(shown.win_rate, 100.0, 0),
        "expectancy %": _span(shown.expectancy_pct, 1.0, 2),
        "profit factor": _span(shown.profit_factor, 1.0, 2),
        "drawdown %": f"{group.max_drawdown * 100:.1f}",
    }
    return {
        "group": group.name,
        "n": shown.count,
        "wins": shown.wins,
        "losses": shown.losses,
        "even": shown.break_evens,
        **(claims if shown.is_meaningful else {"win rate %": _NO_CLAIM}),
        "minutes": f"{group.mean_duration / _MINUTE:.1f}",
        "ambiguous": group.ambiguous,
        "revised": group.data_revised,
    }


def _span(interval: Interval | None, scale: float, decimals: int) -> str:
    if interval is None:
        return ""
    value, low, high = (f"{figure * scale:.{decimals}f}" for figure in interval)
    return f"{value} [{low}, {high}]"
