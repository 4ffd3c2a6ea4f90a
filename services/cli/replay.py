"""``tracker replay``: recorded trades or candles through the real services, over event time; the same digest always."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from services.cli.parts.output import json_option, settings_option, show
from services.cli.parts.playback import Playback, play
from shared.adapters.recorded_trades import AUTO
from shared.adapters.wire.columns import parse_columns
from shared.adapters.wire.trade_rows import FIELDS
from shared.errors import InvalidInput
from shared.runtime import log

_LONGEST_DELAY = 3_600
_SHARES = ("dup", "reorder", "delay")
_DISTURBANCES = (*_SHARES, "delay_seconds")
_DISTURB_HELP = (
    "Disturb the delivery: dup=0.1,reorder=0.05,delay=0.01: shares that come twice, up to 5 s late, and "
    "delay_seconds=60 late, by market time. Must not change the digest."
)


@click.command(epilog="Example: tracker replay BTCUSDT2026-07-25.csv.gz --symbol BTCUSDT --out replay/")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--symbol", required=True, help="The symbol, as the files spell it: BTCUSDT.")
@click.option("--candles", type=click.Path(path_type=Path), help="Replay a file of 1m candles instead of trades.")
@click.option("--format", "format_name", default=AUTO, show_default=True, help="How trade files are written.")
@click.option("--columns", help="Columns of a table: time=timestamp,price=price,...; or numbers from 0.")
@click.option("--speed", default="max", show_default=True, help="max, or market time against real time: 60.")
@click.option("--disturb", default="", help=_DISTURB_HELP)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the disturbance.")
@click.option("--bus", default="memory", show_default=True, help="Bus to run on: memory, sqlite, pubsub (emulator).")
@click.option(
    "--store", default="memory", show_default=True, help="Store to run on: memory, sqlite, bigtable (emulator)."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for what comes out.")
@settings_option
@json_option
def replay(
    *,
    files: tuple[Path, ...],
    symbol: str,
    candles: Path | None,
    format_name: str,
    columns: str | None,
    speed: str,
    disturb: str,
    seed: int,
    bus: str,
    store: str,
    out: Path,
    settings_file: Path | None,
    as_json: bool,
) -> None:
    """Run recorded trades (FILES) or candles through the services, as if they happened now.

    Writes candles.csv, signals.jsonl (with the decision records) and messages.jsonl (every call to Telegram) to the
    folder, and prints counts and the digest over candles and signals. Equal input gives equal digests.
    """
    if bool(files) == bool(candles):
        raise InvalidInput("name trade FILES, or a candle file with --candles, and not both")
    if disturb and bus != "memory":
        raise InvalidInput(f"--disturb disturbs the memory bus; it cannot be combined with --bus {bus}")
    log.configure("WARNING", json=False, secrets=())
    playback = Playback(
        files=files,
        candles=candles,
        symbol=symbol.upper(),
        format_name=format_name,
        columns=parse_columns(columns, FIELDS) if columns else None,
        speed=_speed(speed),
        disturb={**shares, "seed": seed} if (shares := _disturbance(disturb)) else {},
        out=out,
        settings_file=settings_file,
        bus=bus,
        store=store,
    )
    counts, accounts = asyncio.run(play(playback))
    summary = asdict(counts) | asdict(accounts)
    show(summary, as_json=as_json, text="\n".join(f"{name}: {_plain(value)}" for name, value in summary.items()))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise InvalidInput(f"--speed {text!r} is neither max nor a number above 0")
    return speed


def _disturbance(text: str) -> dict[str, float]:
    shares = {}
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        try:
            shares[name] = float(number)
        except ValueError:
            raise InvalidInput(f"--disturb {part!r} is no NAME=NUMBER") from None
        if name not in _DISTURBANCES:
            raise InvalidInput(f"--disturb {name!r} is not known; known: {', '.join(_DISTURBANCES)}")
        if name in _SHARES and not 0 <= shares[name] <= 1:
            raise InvalidInput(f"--disturb {part!r}: a share is between 0 and 1")
        if name not in _SHARES and not 0 < shares[name] <= _LONGEST_DELAY:
            raise InvalidInput(f"--disturb {part!r}: a delay is above 0 and at most {_LONGEST_DELAY} seconds")
    return shares
