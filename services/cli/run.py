"""``tracker run``: the named services in this process, until Ctrl-C."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from services.cli.parts.output import read_settings, settings_option
from services.wiring import SERVICES, Wiring
from shared.runtime import log
from shared.runtime.host import Host
from shared.runtime.page import Page
from shared.runtime.settings import Settings


@click.command(epilog="Example: tracker run aggregator logic_engine")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@settings_option
def run(services: tuple[str, ...], settings_file: Path | None) -> None:
    """Run the named services in this process, or all of them when none is named."""
    settings = read_settings(settings_file)
    log.configure(settings.log.level, json=settings.log.json_lines, secrets=settings.secrets())
    names = tuple(name.replace("-", "_") for name in services) or SERVICES
    wiring = Wiring(settings)
    wiring.check(names)
    asyncio.run(serve(settings, wiring, names))


async def serve(settings: Settings, wiring: Wiring, names: Sequence[str]) -> None:
    """Run services with their health page until a signal ends them."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    host = Host(wiring.services(names), wiring.clock)
    page = Page(host.health, settings.page.host, settings.page.port)
    try:
        address = await page.start()
        running = asyncio.create_task(host.run(), name="host")
        await asyncio.sleep(0)  # from here on a signal ends it in order
        click.echo(f"running {', '.join(names)}; health and metrics: {address}", err=True)
        await running
    finally:
        await page.stop()
        await wiring.close()
