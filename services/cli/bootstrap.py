"""``tracker bootstrap``: topics, subscriptions and tables of the chosen bus and stores, made where they are missing."""

import asyncio
from functools import partial
from pathlib import Path

import click

from services.cli.parts.output import json_option, read_settings, settings_option, show
from shared.adapters import loader
from shared.adapters.clock.system import SystemClock
from shared.errors import Unavailable
from shared.runtime import log
from shared.runtime.persistence import Persistence
from shared.runtime.settings import Settings

_PATIENCE_SECONDS = 60  # an emulator that has just begun to listen may not answer yet


@click.command(epilog="Example: TRACKER__BUS=pubsub TRACKER__STORE=bigtable tracker bootstrap")
@settings_option
@json_option
def bootstrap(settings_file: Path | None, *, as_json: bool) -> None:
    """Create what the chosen bus and stores need before anything runs. May be repeated; what is there stays."""
    settings = read_settings(settings_file)
    log.configure(settings.log.level, json=settings.log.json_lines, secrets=settings.secrets())
    try:
        done = asyncio.run(_bootstrap(settings))
    except TimeoutError:
        raise Unavailable(f"not ready after {_PATIENCE_SECONDS} s; the reason is above") from None
    text = f"ready: {', '.join(done)}" if done else "the chosen bus and stores need no preparation"
    show({"ready": done}, as_json=as_json, text=text)


async def _bootstrap(settings: Settings) -> list[str]:
    """Names of the adapters that were prepared."""
    done = []
    stores = dict.fromkeys((settings.adapter("stores"), settings.outbox or settings.adapter("stores")))
    for kind, name in (("bus", settings.adapter("bus")), *(("stores", store) for store in stores)):
        module = loader.load(kind, name)
        if hasattr(module, "bootstrap"):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await Persistence(SystemClock()).insist(partial(module.bootstrap, settings.options(kind, name)))
            done.append(f"{name} ({kind})")
    return done
