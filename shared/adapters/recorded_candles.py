"""A file of candles in, the candles out, whatever the file's format: parquet by content, everything else as a table."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol, cast

from shared.adapters import loader
from shared.adapters.wire.candle_rows import CandleReport
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput

_PARQUET = b"PAR1"


class CandleFormat(Protocol):
    """What every module of ``candle_files`` offers."""

    def read(
        self,
        path: Path,
        *,
        instrument: Instrument,
        timeframe: Timeframe,
        columns: Mapping[str, str] | None,
        report: CandleReport,
    ) -> Iterator[Candle]:
        """Candles ascending; rows with faults are left out and reported.

        Raises:
            InvalidInput: The file cannot be read, a column is absent or a row is broken; names the value and the cure.
        """
        ...


def read_recorded_candles(
    path: Path,
    *,
    instrument: Instrument,
    timeframe: Timeframe,
    columns: Mapping[str, str] | None,
    report: CandleReport,
) -> Iterator[Candle]:
    """Candles of one file, ascending; rows with faults are left out and stand in the report.

    Raises:
        ConfigurationError: The file needs a library that is not installed; the text names the cure.
        InvalidInput: The file cannot be read, a row is broken, or no candle was found.
    """
    reader = cast(CandleFormat, loader.load("candle_files", "parquet" if _is_parquet(path) else "csv"))
    yield from reader.read(path, instrument=instrument, timeframe=timeframe, columns=columns, report=report)
    if not report.candles:
        reason = f"; the first fault: {report.fault_lines[0]}" if report.fault_lines else ""
        raise InvalidInput(f"no {timeframe} candle in {path}{reason}")


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_PARQUET)) == _PARQUET
    except OSError:
        return False  # the reader of tables says what is wrong with the place
