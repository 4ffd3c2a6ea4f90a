"""``tracker config``: what is set, without secrets, and whether it is right."""

import json
from pathlib import Path

import click

from services.cli.parts.output import json_option, read_settings, settings_option, show
from services.wiring import SERVICES, Wiring


@click.group()
def config() -> None:
    """Show or check the settings."""


@config.command("show", epilog="Example: tracker config show --json")
@settings_option
@json_option
def show_settings(settings_file: Path | None, *, as_json: bool) -> None:
    """Print all settings as they are in force; secrets are shown as ***."""
    settings = read_settings(settings_file).redacted()
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in _flat(settings, "")]
    show(settings, as_json=as_json, text="\n".join(lines))


@config.command("check", epilog="Example: tracker config check ingestor aggregator")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@settings_option
@json_option
def check_settings(services: tuple[str, ...], settings_file: Path | None, *, as_json: bool) -> None:
    """Check the settings that the named services need (all services when none is named)."""
    names = services or SERVICES
    Wiring(read_settings(settings_file)).check(names)
    show({"ok": True, "services": list(names)}, as_json=as_json, text=f"settings are right for {', '.join(names)}")


def _flat(value: object, name: str) -> list[tuple[str, object]]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in _flat(inner, f"{name}.{key}" if name else key)]
    return [] if value == {} else [(name, value)]
