"""``tracker signals``: the newest signals, from the store."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from services.cli.parts.output import json_option, read_settings, settings_option, show, table
from services.wiring import Wiring
from shared.domain.shadow import told
from shared.domain.signal import Signal
from shared.messages.codec import to_json
from shared.ports import Ledger
from shared.runtime.settings import Settings

_COLUMNS = ["time", "kind", "symbol", "side", "price", "take_profit", "stop_loss", "reason", "pnl_pct", "signal_id"]


@click.command(epilog="Example: tracker signals -n 50 --symbol ETHUSDT")
@click.option("-n", "limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many lines.")
@click.option("--symbol", help="Only this symbol.")
@click.option("--shadows", is_flag=True, help="Also what shadow strategies said, which nobody was told.")
@settings_option
@json_option
def signals(limit: int, symbol: str | None, settings_file: Path | None, *, shadows: bool, as_json: bool) -> None:
    """Show the newest entries, updates and exits."""
    settings = read_settings(settings_file)
    lines = asyncio.run(_newest(settings, limit, symbol.upper() if symbol else None, shadows=shadows))
    full = [json.loads(to_json(line)) for line in lines]
    text = table([_row(line) for line in lines], _COLUMNS) if lines else "no signals yet"
    show({"signals": full}, as_json=as_json, text=text)


async def _newest(settings: Settings, limit: int, symbol: str | None, *, shadows: bool) -> list[Signal]:
    wiring = Wiring(settings)
    try:
        if shadows:
            return await wiring.store.signals(limit, symbol)
        return await _newest_told(wiring.store, limit, symbol)
    finally:
        await wiring.close()


async def _newest_told(ledger: Ledger, limit: int, symbol: str | None) -> list[Signal]:
    """The newest `limit` lines for people, however many of shadows lie between them."""
    wanted = limit
    while True:
        lines = await ledger.signals(wanted, symbol)
        for_people = told(lines)
        if len(for_people) >= limit or len(lines) < wanted:
            return for_people[-limit:]
        wanted *= 4


def _row(line: Signal) -> dict[str, Any]:
    return {
        "time": datetime.fromtimestamp(line.time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "kind": line.kind.value,
        "symbol": line.symbol,
        "side": line.side.value,
        "price": line.price,
        "take_profit": round(line.take_profit, 8),
        "stop_loss": round(line.stop_loss, 8),
        "reason": line.reason.value if line.reason else "",
        "pnl_pct": "" if line.pnl_pct is None else line.pnl_pct,
        "signal_id": line.signal_id,
    }
