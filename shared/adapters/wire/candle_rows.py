"""Rows of a table in, candles out, with the faults of the rows by line: shared by all candle files.

A row that is a duplicate, out of order or impossible is left out and reported; it never reaches a strategy.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeVar

from shared.adapters.wire.cells import is_whole, parse_amount, parse_time
from shared.adapters.wire.columns import open_table
from shared.adapters.wire.read_report import ReadReport
from shared.domain.candle import Candle, CandleSource
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe

REQUIRED: Final = ("open_time", "open", "high", "low", "close", "quantity")
FIELDS: Final = (*REQUIRED, "turnover", "trades", "complete")

# A number wins over a text: "datetime" may be somebody's local time.
_ALIASES: Final = {
    "open_time": ("open_time", "start_ms", "timestamp", "ts", "time", "date", "datetime"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "quantity": ("quantity", "volume", "vol", "v"),
    "turnover": ("turnover", "turn", "quote_volume"),
    "trades": ("trades", "count"),
    "complete": ("complete",),
}
_KEPT_FAULTS = 20

_T = TypeVar("_T")


@dataclass(slots=True)
class CandleReport(ReadReport):
    """What a reader of candles tells besides.

    Attributes:
        candles: Candles handed out.
        faults: Rows left out, by kind: ``duplicate``, ``disorder``, ``impossible``.
        fault_lines: The first of them, one line of text each, with the line number.
    """

    candles: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    fault_lines: list[str] = field(default_factory=list)

    def fault(self, kind: str, text: str) -> None:
        """Count a row that is left out."""
        self.faults[kind] += 1
        if len(self.fault_lines) < _KEPT_FAULTS:
            self.fault_lines.append(f"{self.file}, line {self.line}: {kind}: {text}")


def read_candles(
    rows: Iterable[Sequence[str]],
    *,
    instrument: Instrument,
    timeframe: Timeframe,
    columns: Mapping[str, str] | None,
    report: CandleReport,
) -> Iterator[Candle]:
    """Candles ascending by open time, `source` ``exchange``; turnover and trades are 0 where the file has none, and
    a candle is complete unless the file says otherwise.

    Raises:
        InvalidInput: A column is absent or a cell cannot be read; names file, line, value and cure.
    """
    table = open_table(rows, _ALIASES, REQUIRED, columns, report)
    reader = _RowReader(table.places, instrument, timeframe, report)
    last = -1
    for row in table.rows:
        candle = reader.candle(row)
        if candle.open_time <= last:
            kind = "duplicate" if candle.open_time == last else "disorder"
            report.fault(kind, f"open time {candle.open_time} after {last}")
        elif fault := _impossible(candle):
            report.fault("impossible", fault)
        else:
            last = candle.open_time
            report.candles += 1
            yield candle


def _impossible(candle: Candle) -> str:
    if candle.open_time % candle.timeframe.millis:
        return f"open time {candle.open_time} is no start of a {candle.timeframe} candle"
    inside = candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
    return "" if inside else f"O {candle.open} H {candle.high} L {candle.low} C {candle.close}"


class _RowReader:
    """Makes a candle of each row of one file."""

    def __init__(
        self, places: Mapping[str, int], instrument: Instrument, timeframe: Timeframe, report: ReadReport
    ) -> None:
        self._places = places
        self._instrument = instrument
        self._timeframe = timeframe
        self._report = report

    def candle(self, row: Sequence[str]) -> Candle:
        return Candle(
            exchange=self._instrument.exchange,
            symbol=self._instrument.symbol,
            timeframe=self._timeframe,
            open_time=self._parsed(row, "open_time", parse_time),
            open=self._parsed(row, "open", parse_amount),
            high=self._parsed(row, "high", parse_amount),
            low=self._parsed(row, "low", parse_amount),
            close=self._parsed(row, "close", parse_amount),
            quantity=self._parsed(row, "quantity", _sum),
            turnover=self._parsed(row, "turnover", _sum, absent="0"),
            trades=self._parsed(row, "trades", _count, absent="0"),
            complete=self._parsed(row, "complete", _flag, absent="1"),
            source=CandleSource.EXCHANGE,
        )

    def _parsed(self, row: Sequence[str], name: str, parse: Callable[[str], _T], absent: str = "") -> _T:
        place = self._places.get(name)
        text = absent if place is None else row[place]
        try:
            return parse(text)
        except ValueError as error:
            raise self._report.broken(text, f"{name}: {error}; mend or remove the line") from None


def _sum(text: str) -> Decimal:
    return parse_amount(text, zero=True)


def _count(text: str) -> int:
    if not is_whole(text):
        raise ValueError("no count")
    return int(text)


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("neither 0 nor 1")
    return text == "1"
