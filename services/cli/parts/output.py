"""How commands speak: results on stdout, everything else on stderr, one JSON object where a program reads."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from shared.runtime.settings import Settings, load

AnyFunction = Callable[..., Any]


def settings_option(command: AnyFunction) -> AnyFunction:
    """Add ``--settings FILE``: a TOML file instead of ``tracker.toml`` of the current folder."""
    return click.option(
        "--settings",
        "settings_file",
        type=click.Path(path_type=Path),
        help="Settings file (TOML). Default: tracker.toml of the current folder, when there is one.",
    )(command)


def json_option(command: AnyFunction) -> AnyFunction:
    """Add ``--json``: one JSON object on stdout and nothing else there."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, nothing else there.")(
        command
    )


def read_settings(
    file: Path | None, overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings of this process: file < its environment, with `environment` added < `overrides`.

    Raises:
        ConfigurationError: Every fault, one a line.
    """
    return load(file, {**os.environ, **(environment or {})}, overrides)


def show(result: Mapping[str, Any], *, as_json: bool, text: str) -> None:
    """Print a command's result: the JSON object, or `text` for people."""
    click.echo(json.dumps(result, ensure_ascii=False) if as_json else text)


def table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """Rows as aligned text columns; numbers to the right."""
    cells = [[str(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in cells), 0) for i, column in enumerate(columns)]
    numeric = [all(_is_number(row[i]) for row in cells) and bool(cells) for i in range(len(columns))]

    def line(values: list[str]) -> str:
        return "  ".join(
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        ).rstrip()

    return "\n".join([line(columns), *map(line, cells)])


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "", 1).replace("-", "", 1).isdigit()
