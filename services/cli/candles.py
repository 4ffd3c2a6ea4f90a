"""``tracker candles``: the newest candles of a symbol, from the store."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from services.cli.parts.output import json_option, read_settings, settings_option, show, table
from services.wiring import Wiring
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput
from shared.runtime.settings import Settings

_COLUMNS = ["time", "open", "high", "low", "close", "quantity", "turnover", "trades", "complete", "revision", "source"]


@click.command(epilog="Example: tracker candles BTCUSDT -n 20")
@click.argument("symbol")
@click.option("-n", "limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many.")
@click.option("--timeframe", default="1m", show_default=True, help="Length of the candles.")
@settings_option
@json_option
def candles(symbol: str, limit: int, timeframe: str, settings_file: Path | None, *, as_json: bool) -> None:
    """Show the newest candles of SYMBOL as they are stored."""
    settings = read_settings(settings_file)
    found = asyncio.run(_newest(settings, symbol.upper(), Timeframe.parse(timeframe), limit))
    rows = [_row(candle) for candle in found]
    show({"symbol": symbol.upper(), "candles": rows}, as_json=as_json, text=table(rows, _COLUMNS))


async def _newest(settings: Settings, symbol: str, timeframe: Timeframe, limit: int) -> list[Candle]:
    wiring = Wiring(settings)
    try:
        instrument = Instrument(settings.exchange, symbol)
        found = (await wiring.store.read_latest([instrument], timeframe, limit))[instrument]
        if not found:
            known = ", ".join(known.symbol for known in await wiring.store.instruments(timeframe)) or "none yet"
            raise InvalidInput(f"no {timeframe} candle of {symbol!r} in the store; symbols there: {known}")
        return found
    finally:
        await wiring.close()


def _row(candle: Candle) -> dict[str, Any]:
    return {
        "open_time": candle.open_time,
        "time": datetime.fromtimestamp(candle.open_time / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
        **{name: f"{getattr(candle, name):f}" for name in ("open", "high", "low", "close", "quantity", "turnover")},
        "trades": candle.trades,
        "complete": candle.complete,
        "revision": candle.revision,
        "source": candle.source.value,
    }
