"""Candle CSV files in, candles out; and candles in, a CSV file out that is either whole or absent.

Read: plain or gzip, columns by usual names or as the user says. Written: the header `HEADER`, sorted, exact decimals
without exponent and without trailing zeros, ``complete`` as 0/1.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO

from shared.adapters.wire.candle_rows import CandleReport, read_candles
from shared.adapters.wire.columns import split_rows
from shared.adapters.wire.text_lines import read_lines
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput

HEADER: Final = "open_time,open,high,low,close,quantity,turnover,trades,complete"


def read(
    path: Path,
    *,
    instrument: Instrument,
    timeframe: Timeframe,
    columns: Mapping[str, str] | None,
    report: CandleReport,
) -> Iterator[Candle]:
    """Candles ascending; rows with faults are left out and reported (see `read_candles`).

    Raises:
        InvalidInput: The file cannot be read, a column is absent or a row is broken; names the value and the cure.
    """
    report.file = str(path)
    rows = split_rows(report.follow(read_lines(path)), report)
    return read_candles(rows, instrument=instrument, timeframe=timeframe, columns=columns, report=report)


def write(path: Path, candles: Iterable[Candle]) -> int:
    """Write candles in the order given; returns their number. On any error the file is as it was before.

    Raises:
        InvalidInput: The place cannot be written to; whatever `candles` raises.
    """
    rows = 0
    with _replacing(path) as file:
        file.write(f"{HEADER}\n")
        for candle in candles:
            file.write(f"{row_of(candle)}\n")
            rows += 1
    return rows


def row_of(candle: Candle) -> str:
    """One row as `HEADER` says. The same candle always gives the same text, whatever digits its trades were written
    with (``1.50`` and ``1.5`` are one number)."""
    numbers = (candle.open, candle.high, candle.low, candle.close, candle.quantity, candle.turnover)
    cells = [str(candle.open_time), *map(_exact, numbers), str(candle.trades), str(int(candle.complete))]
    return ",".join(cells)


def _exact(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A new file beside `path` that takes its place at the end, or vanishes on any error."""
    if path.is_dir():
        raise InvalidInput(f"{path} is a directory: name a file in it")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        file = partial.open("x", encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}; choose another place") from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}; choose another place") from None
    finally:
        partial.unlink(missing_ok=True)
