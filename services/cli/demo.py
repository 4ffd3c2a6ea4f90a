"""``tracker demo``: the whole platform against the sandbox: no account, no network."""

import asyncio
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from services.cli.parts.output import json_option, show
from services.cli.parts.stage import DemoPlan, perform
from shared.runtime import log


@click.command(epilog="Example: tracker demo --minutes 240 --json")
@click.option("--minutes", type=click.IntRange(1, 100_000), help="Market time after which it ends by itself.")
@click.option(
    "--speed", type=click.FloatRange(0.1, 300), default=60.0, show_default=True, help="Market time against yours."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Of the market: equal seeds, equal trades.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default=True,
    help="Of the channel page; 0 for a free one.",
)
@json_option
def demo(*, minutes: int | None, speed: float, seed: int, port: int, as_json: bool) -> None:
    """Run the whole platform against a local exchange and a local Telegram.

    Open the channel's address and watch; press a signal's Chart button. Ctrl-C ends it. With --minutes it ends by
    itself, after pressing the chart buttons of the first signals as a reader would, and prints what it counted.
    """
    log.configure("WARNING", json=False, secrets=())
    with tempfile.TemporaryDirectory(prefix="tracker-demo-") as folder:
        plan = DemoPlan(minutes=minutes, speed=speed, seed=seed, port=port, folder=Path(folder))
        summary = asyncio.run(perform(plan))
    if summary is not None:
        counts = asdict(summary)
        show(counts, as_json=as_json, text="\n".join(f"{name}: {value}" for name, value in counts.items()))
