"""Candle parquet files in, candles out; row group by row group, so a large file needs little memory.

Needs pyarrow. Cells go through their shortest exact text, so that a float column of prices gives the figures that were
written and not the digits of their binary form.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from shared.adapters.wire.candle_rows import CandleReport, read_candles
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput


def read(
    path: Path,
    *,
    instrument: Instrument,
    timeframe: Timeframe,
    columns: Mapping[str, str] | None,
    report: CandleReport,
) -> Iterator[Candle]:
    """Candles ascending; rows with faults are left out and reported. A "line" is the number of a row, from 1.

    Raises:
        InvalidInput: The file cannot be read, a column is absent or a row is broken; names the value and the cure.
    """
    report.file = str(path)
    return read_candles(_rows(path, report), instrument=instrument, timeframe=timeframe, columns=columns, report=report)


def _rows(path: Path, report: CandleReport) -> Iterator[Sequence[str]]:
    try:
        with parquet.ParquetFile(path) as file:
            yield file.schema_arrow.names
            for batch in file.iter_batches():
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    report.line += 1
                    yield ["" if cell is None else str(cell) for cell in row]
    except FileNotFoundError:
        raise InvalidInput(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InvalidInput(f"{path} is a directory: name a file in it") from None
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(f"{path} cannot be read as parquet: {str(error).splitlines()[0]}") from None
