"""What the user names in, what a backtest works on out: candles of one instrument, a strategy, its parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce, wraps
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import click

from services.cli.parts.backtest_strategy import make_numeric, names, parse_settings
from services.cli.parts.output import AnyFunction
from shared.adapters.recorded_candles import read_recorded_candles
from shared.adapters.wire.candle_rows import FIELDS, CandleReport
from shared.adapters.wire.columns import parse_columns
from shared.backtest.numeric_strategy import NumericStrategy
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput

_EXCHANGE = "recorded"


@dataclass(frozen=True)
class BacktestInput:
    """Candles ascending, of one instrument and timeframe, and what decides on them."""

    candles: list[Candle]
    strategy: NumericStrategy


def input_options(command: AnyFunction) -> AnyFunction:
    """Add CANDLES, ``--symbol``, ``--timeframe``, ``--columns``, ``--strategy`` and ``--set``: the command is called
    with ``given``, a `BacktestInput`."""

    @wraps(command)
    def read(
        *,
        files: tuple[Path, ...],
        symbol: str,
        timeframe: str,
        columns: str | None,
        strategy: str,
        parameters: tuple[str, ...],
        **others: Any,
    ) -> Any:
        numbers = make_numeric(strategy, parse_settings(parameters))
        candles = read_history(files, symbol, Timeframe.parse(timeframe), columns)
        return command(given=BacktestInput(candles, numbers), **others)

    options: list[Callable[[AnyFunction], AnyFunction]] = [
        click.argument("files", metavar="CANDLES...", nargs=-1, required=True, type=click.Path(path_type=Path)),
        click.option("--symbol", required=True, help="The symbol: BTCUSDT."),
        click.option("--timeframe", default="1m", show_default=True, help="Length of the candles."),
        click.option("--columns", help="Columns of the files: open_time=ts,close=c,...; or numbers from 0."),
        click.option("--strategy", default="rsi_divergence", show_default=True, help=f"One of: {', '.join(names())}."),
        click.option("--set", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the strategy."),
    ]
    return reduce(lambda wrapped, option: option(wrapped), reversed(options), cast(AnyFunction, read))


def read_history(files: Sequence[Path], symbol: str, timeframe: Timeframe, columns: str | None) -> list[Candle]:
    """The candles of all files as one history; the files may be named in any order. Rows left out are said on stderr.

    Raises:
        InvalidInput: A file cannot be read, or two of them overlap.
    """
    instrument = Instrument(_EXCHANGE, symbol.upper())
    places = parse_columns(columns, FIELDS) if columns is not None else None
    parts: list[tuple[list[Candle], Path]] = []
    for path in files:
        report = CandleReport()
        rows = read_recorded_candles(path, instrument=instrument, timeframe=timeframe, columns=places, report=report)
        parts.append((list(rows), path))
        for line in report.fault_lines:
            click.echo(f"left out: {line}", err=True)
    parts.sort(key=lambda part: part[0][0].open_time)
    for (earlier, first), (later, second) in pairwise(parts):
        if later[0].open_time <= earlier[-1].open_time:
            raise InvalidInput(f"{first} and {second} overlap: name files that follow each other")
    return [candle for rows, _ in parts for candle in rows]
