"""``tracker chaos``: a recording through real processes that are killed and cheated, proved against a calm run."""

import asyncio
import signal
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from services.cli.parts.accidents import AccidentKind, Wishes, parse_faults
from services.cli.parts.chaos_settings import ChaosPlan
from services.cli.parts.chaos_stage import ChaosResult, perform
from services.cli.parts.output import json_option, show
from services.cli.parts.verdict import percentile
from shared.adapters.recorded_trades import AUTO
from shared.runtime import log

_NAMED = 10  # differences that are told in words
_FAILED = 1

_count = click.IntRange(0, 10_000)


@click.command(epilog="Example: tracker chaos BTCUSDT2026-07-25.csv.gz --symbol BTCUSDT --kills 200 --json")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--symbol", required=True, help="The symbol, as the files spell it: BTCUSDT.")
@click.option("--format", "format_name", default=AUTO, show_default=True, help="How trade files are written.")
@click.option("--minutes", type=click.IntRange(3, 100_000), help="Play only so many minutes of the recording.")
@click.option("--history", type=_count, default=0, show_default=True, help="Minutes that are past at the start.")
@click.option("--speed", type=click.FloatRange(1, 1_000), default=240.0, show_default=True, help="Of market time.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the schedule of accidents.")
@click.option("--kills", type=_count, default=20, show_default=True, help="SIGKILLs of random services.")
@click.option("--pauses", type=_count, default=0, show_default=True, help="Standstills (SIGSTOP, then SIGCONT).")
@click.option("--disk-full", type=_count, default=0, show_default=True, help="Whiles in which a service cannot write.")
@click.option("--clock-jumps", type=_count, default=0, show_default=True, help="Restarts with a clock 5 s wrong.")
@click.option("--faults", default="", help="Faults of exchange and Telegram: ws_drop=20,telegram_error=5 or all=3.")
@click.option("--bus", type=click.Choice(["sqlite", "pubsub"]), default="sqlite", show_default=True, help="Bus.")
@click.option("--store", type=click.Choice(["sqlite", "bigtable"]), default="sqlite", show_default=True, help="Store.")
@json_option
def chaos(
    **options: Any,
) -> int:
    """Play recorded trades (FILES) to the services, each a process of its own, while accidents befall them.

    At the end candles, signals and messages are compared with those of a calm run over the same recording. Exit code
    0: nothing was lost, doubled or decided differently; 1: something was, and the first differences are named.
    """
    log.configure("ERROR", json=False, secrets=())
    as_json = options.pop("as_json")
    result = asyncio.run(_run(_plan(**options)))
    report = _report(result, options)
    for line in result.verdict.differences[:_NAMED]:
        click.echo(line, err=True)
    show(report, as_json=as_json, text="\n".join(f"{name}: {value}" for name, value in report.items()))
    return 0 if result.verdict.proven else _FAILED


def _plan(
    *,
    files: tuple[Path, ...],
    symbol: str,
    format_name: str,
    minutes: int | None,
    history: int,
    speed: float,
    seed: int,
    kills: int,
    pauses: int,
    disk_full: int,
    clock_jumps: int,
    faults: str,
    bus: str,
    store: str,
) -> ChaosPlan:
    return ChaosPlan(
        files=files,
        format_name=format_name,
        symbol=symbol.upper(),
        minutes=minutes,
        history=history,
        speed=speed,
        seed=seed,
        wishes=Wishes(kills, pauses, disk_full, clock_jumps, parse_faults(faults)),
        bus=bus,
        store=store,
    )


async def _run(plan: ChaosPlan) -> ChaosResult:
    main = asyncio.current_task()
    if main is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
    return await perform(plan, Path("var") / "log")


def _report(result: ChaosResult, options: dict[str, Any]) -> dict[str, Any]:
    """One object for people and programs."""
    proof = asdict(result.verdict)
    del proof["differences"]
    by_service: defaultdict[str, list[float]] = defaultdict(list)
    for name, seconds in result.recoveries:
        by_service[name].append(seconds)
    return {
        "proven": result.verdict.proven,
        "kills": result.accidents[AccidentKind.KILL],
        "pauses": result.accidents[AccidentKind.PAUSE],
        "disk_full": result.accidents[AccidentKind.DISK_FULL],
        "clock_jumps": result.accidents[AccidentKind.CLOCK_JUMP],
        "faults": result.accidents[AccidentKind.FAULT],
        "crashes": dict(result.crashes),
        **proof,
        "candles": result.candles,
        "signals": result.signals,
        **_recovery([seconds for _, seconds in result.recoveries]),
        "recovery_max_s_by_service": {name: round(max(found), 2) for name, found in sorted(by_service.items())},
        "unrecovered": result.unrecovered,
        "seed": options["seed"],
        "speed": options["speed"],
        "wall_seconds": round(result.seconds, 1),
    }


def _recovery(seconds: list[float]) -> dict[str, Any]:
    return {
        "recovered": len(seconds),
        "recovery_p50_s": round(percentile(seconds, 50), 2),
        "recovery_p95_s": round(percentile(seconds, 95), 2),
        "recovery_max_s": round(max(seconds, default=0.0), 2),
    }
