"""What a user names as candles in, arrays of each symbol out: several files of a symbol are one stream."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from shared.adapters.recorded_candles import read_recorded_candles
from shared.adapters.wire.candle_rows import CandleReport
from shared.backtest.candle_arrays import CandleArrays, to_arrays
from shared.backtest.candle_parts import in_order, joined
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput

_EXCHANGE = "recorded"
_AT_ONCE = 50_000  # candles as objects: a year of them would fill half a gigabyte


@dataclass(frozen=True, slots=True)
class Source:
    """How the files are read.

    Attributes:
        timeframe: Of the candles.
        columns: By field, the name of its column; None recognises them by their usual names.
    """

    timeframe: Timeframe
    columns: Mapping[str, str] | None


@dataclass(slots=True)
class Faults:
    """Rows that were left out, by kind, and the first of them in words."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)


def assign(files: Sequence[str], symbols: Sequence[str]) -> dict[str, list[Path]]:
    """The files of each symbol: ``SYMBOL=FILE``, or bare files where there is one symbol.

    Raises:
        InvalidInput: A file belongs to no symbol, a symbol has no file or stands twice.
    """
    found: dict[str, list[Path]] = {symbol: [] for symbol in symbols}
    if len(found) < len(symbols):
        raise InvalidInput(f"--symbol {', '.join(symbols)}: a symbol stands twice; name each once")
    for text in files:
        name, equals, rest = text.partition("=")
        if equals and name in found:
            found[name].append(Path(rest))
        elif len(found) == 1:
            found[symbols[0]].append(Path(text))
        else:
            raise InvalidInput(
                f"{text!r} belongs to none of {', '.join(symbols)}: with several symbols write SYMBOL=FILE"
            )
    bare = [symbol for symbol, paths in found.items() if not paths]
    if bare:
        raise InvalidInput(f"no file for {', '.join(bare)}: write {bare[0]}=FILE")
    return found


def load(
    symbol: str, paths: Sequence[Path], source: Source, faults: Faults, on_candles: Callable[[int], None]
) -> CandleArrays:
    """All candles of a symbol in time order; what stands in two files counts once.

    Args:
        symbol: As it is to be called.
        paths: Its files, in any order.
        source: How they are read.
        faults: Filled with what was left out.
        on_candles: Told how many have been read, every now and then.

    Raises:
        InvalidInput: A file cannot be read, or its candles are not of this timeframe.
    """
    parts: list[CandleArrays] = []
    for path in paths:
        report = CandleReport()
        rows = read_recorded_candles(
            path,
            instrument=Instrument(_EXCHANGE, symbol),
            timeframe=source.timeframe,
            columns=source.columns,
            report=report,
        )
        of_file = joined([_told(part, on_candles) for part in _chunks(rows)])
        _check_steps(path, of_file, report)
        faults.counts += report.faults
        faults.lines += report.fault_lines
        parts.append(of_file)
    whole, repeated = in_order(parts)
    if repeated:
        faults.counts["in two files"] += repeated
    return whole


def _chunks(rows: Iterator[Candle]) -> Iterator[CandleArrays]:
    while chunk := list(islice(rows, _AT_ONCE)):
        yield to_arrays(chunk)


def _told(part: CandleArrays, on_candles: Callable[[int], None]) -> CandleArrays:
    on_candles(len(part))
    return part


def _check_steps(path: Path, candles: CandleArrays, report: CandleReport) -> None:
    """A wrong timeframe would not fail by itself: every candle would follow a hole, or most would be left out."""
    if report.faults["impossible"] > len(candles):
        raise InvalidInput(f"most candles of {path} are left out; the first: {report.fault_lines[0]}; see --timeframe")
    if len(candles) < 2:  # noqa: PLR2004 - one candle has no step
        return
    step = int(np.median(np.diff(candles.open_times)))
    if step != candles.timeframe.millis:
        known = next((timeframe for timeframe in Timeframe if timeframe.millis == step), None)
        cure = f"add --timeframe {known}" if known else f"known: {', '.join(Timeframe)}"
        raise InvalidInput(f"candles of {path} lie {step / 60_000:g} minutes apart, not {candles.timeframe}; {cure}")
