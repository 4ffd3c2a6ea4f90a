"""``tracker league``: what every strategy and shadow has made of the same market, with intervals, net of costs."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from services.cli.parts.output import json_option, read_settings, settings_option, show, table
from services.wiring import Wiring
from shared.domain.shadow import is_shadow, shadow_name, told
from shared.domain.signal import Signal, SignalKind
from shared.engine.paper_account import PaperRules, Statement, paper_account
from shared.engine.statistics import LEAST, Interval, Record, net_pct, record
from shared.runtime.settings import Settings

_ALL = 1_000_000
_COLUMNS = ["strategy", "n", "open", "win rate", "expectancy %", "profit factor", ""]
_TOO_FEW = f"n < {LEAST}: not meaningful"


@click.command(epilog="Example: tracker league --symbol ETHUSDT --json")
@click.option("--symbol", help="Only this symbol.")
@settings_option
@json_option
def league(symbol: str | None, settings_file: Path | None, *, as_json: bool) -> None:
    """Compare strategies and shadows by their ended positions.

    Win rate with its Wilson interval, expectancy and profit factor with bootstrap intervals, all 95 % and after the
    fees and slippage of the section `paper`. It promotes nothing: docs/signals.md says how that is done.
    """
    settings = read_settings(settings_file)
    lines = asyncio.run(_lines(settings, symbol.upper() if symbol else None))
    rows = standings(lines, _names(settings), settings.paper.fee, settings.paper.slippage)
    account = paper_account(told(lines), PaperRules(**settings.paper.model_dump()))
    result = {"league": [_plain(row) for row in rows], "paper": _plain_account(account)}
    show(result, as_json=as_json, text=f"{table([_row(row) for row in rows], _COLUMNS)}\n\n{_account_text(account)}")


def standings(
    lines: Iterable[Signal], names: Iterable[str], fee: float, slippage: float
) -> list[tuple[str, int, Record]]:
    """Name, open positions and record of every strategy and shadow, each shadow behind the strategy it is over.

    Args:
        lines: Of the signal log, in any order; a line that was repeated because data was revised counts once.
        names: Strategies and shadows that have a row even where they have no line.
        fee: Of each side, as a share of its value.
        slippage: Of each side, as a share of the price.
    """
    ends: dict[str, dict[str, float | None]] = defaultdict(dict)
    for line in lines:
        ends[line.strategy].setdefault(line.signal_id, None)
        if line.kind is SignalKind.EXIT:
            ends[line.strategy][line.signal_id] = net_pct(line.pnl_pct or 0.0, fee, slippage)
    rows = []
    for name in sorted({*names, *ends}):
        results = [end for end in ends[name].values() if end is not None]
        rows.append((name, len(ends[name]) - len(results), record(results)))
    return rows


async def _lines(settings: Settings, symbol: str | None) -> Sequence[Signal]:
    wiring = Wiring(settings)
    try:
        return await wiring.store.signals(_ALL, symbol)
    finally:
        await wiring.close()


def _names(settings: Settings) -> list[str]:
    shadows = [shadow_name(str(section.get("strategy")), name) for name, section in settings.shadows.items()]
    return [*settings.logic_engine.strategies, *shadows]


def _plain(row: tuple[str, int, Record]) -> dict[str, Any]:
    name, open_, found = row
    figures = {key: value._asdict() if isinstance(value, Interval) else value for key, value in _figures(found).items()}
    return {"strategy": name, "shadow": is_shadow(name), "open": open_, "meaningful": found.is_meaningful, **figures}


def _figures(found: Record) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Record.__dataclass_fields__}


def _row(row: tuple[str, int, Record]) -> dict[str, Any]:
    name, open_, found = row
    said = {"strategy": name, "n": found.count, "open": open_}
    if not found.is_meaningful:
        return said | {"": _TOO_FEW}
    rate = found.win_rate and Interval(*(100 * share for share in found.win_rate))
    return said | {
        "win rate": _text(rate, 1, " %"),
        "expectancy %": _text(found.expectancy_pct, 3),
        "profit factor": _text(found.profit_factor, 2),
    }


def _text(figure: Interval | None, decimals: int, unit: str = "") -> str:
    if figure is None:
        return ""
    value, low, high = (f"{number:.{decimals}f}" for number in figure)
    return f"{value}{unit} [{low}, {high}]"


def _plain_account(account: Statement) -> dict[str, Any]:
    skipped: dict[str, int] = defaultdict(int)
    for sized in account.sized:
        if sized.skip is not None:
            skipped[sized.skip.value] += 1
    plain = {name: value for name, value in asdict(account).items() if name != "sized"}
    return plain | {"signals": len(account.sized), "skipped": skipped}


def _account_text(account: Statement) -> str:
    skipped = _plain_account(account)["skipped"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items())) or "none"
    return (
        f"account on paper (advice, shadows left out): equity {account.start:g} -> {account.equity:.2f}, "
        f"max drawdown {account.max_drawdown:.1%}, {account.open} open at a risk of {account.open_risk:.2f}, "
        f"{len(account.pauses)} pauses; {len(account.sized)} signals, skipped: {reasons}"
    )
