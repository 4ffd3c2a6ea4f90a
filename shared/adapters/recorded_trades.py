"""Files of recorded trades in, one stream of trades out, whatever the files' formats.

The formats are the files of ``shared/adapters/trade_files``; each is asked whether it recognises a file's first line.
Several files are one stream: they are merged by time, so neither their order nor an overlap between them matters.
"""

import heapq
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

from shared.adapters import loader
from shared.adapters.wire.read_report import ReadReport
from shared.adapters.wire.text_lines import read_lines
from shared.domain.trade import Trade
from shared.errors import InvalidInput

AUTO: Final = "auto"
_KIND = "trade_files"
# The table of last resort: it is asked when no other format recognises the file.
_ANY_TABLE = "csv"


class TradeFormat(Protocol):
    """What every module of ``trade_files`` offers."""

    def recognises(self, first_line: str) -> bool:
        """Whether a file that begins with this line is of the format."""
        ...

    def read(
        self, lines: Iterable[str], *, symbol: str, columns: Mapping[str, str] | None, report: ReadReport
    ) -> Iterator[Trade]:
        """Trades of one symbol in the order of the lines; counts the rest in `report`.

        Raises:
            InvalidInput: A line is broken; names file, line, value and cure.
        """
        ...


def format_names() -> list[str]:
    """Names of all formats as users write them, sorted."""
    return [name.replace("_", "-") for name in loader.names(_KIND)]


def read_recorded(
    paths: Sequence[Path], *, symbol: str, format_name: str, columns: Mapping[str, str] | None, report: ReadReport
) -> Iterator[Trade]:
    """Trades of one symbol in all files, merged by time as far as each file is sorted.

    Args:
        paths: The files.
        symbol: The symbol wanted, as the files spell it.
        format_name: One of `format_names`, or ``auto``.
        columns: Field to column, for tables only; with ``auto`` it means ``csv``.
        report: Gets the counts over all files.

    Raises:
        InvalidInput: A file cannot be read or recognised, a row is broken, or no trade of the symbol was found.
    """
    if format_name != AUTO and format_name not in format_names():
        raise InvalidInput(f"unknown format {format_name!r}; known: {AUTO}, {', '.join(format_names())}")
    sources = [
        _Source(place, path, _format_of(path, format_name, columns), symbol, columns)
        for place, path in enumerate(paths)
    ]
    found = False
    for trade in _merged(sources, report):
        found = True
        yield trade
    if not found:
        raise InvalidInput(_nothing_found(symbol, paths, report))


@dataclass(frozen=True, slots=True)
class _Source:
    """One file and how to read it."""

    place: int
    path: Path
    format: TradeFormat
    symbol: str
    columns: Mapping[str, str] | None

    def trades(self, report: ReadReport) -> Generator[Trade, None, None]:
        """Its trades of the symbol, in the order of the file."""
        # Closed here and not by the garbage collector, so that a source that is only peeked into holds no file open.
        with closing(read_lines(self.path)) as lines:
            yield from self.format.read(
                lines, symbol=self.symbol, columns=self.columns, report=report.for_file(str(self.path))
            )

    def first_time(self) -> int | None:
        """Event time of the first trade; None where there is none."""
        with closing(self.trades(ReadReport())) as trades:
            first = next(trades, None)
        return None if first is None else first.event_time


def _format_of(path: Path, name: str, columns: Mapping[str, str] | None) -> TradeFormat:
    first = _first_line(path)
    if name == AUTO:
        name = _ANY_TABLE if columns else _recognised(path, first)
    return cast(TradeFormat, loader.load(_KIND, name.replace("-", "_")))


def _first_line(path: Path) -> str:
    with closing(read_lines(path)) as lines:
        first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise InvalidInput(f"{path} is empty")
    return first


def _recognised(path: Path, first_line: str) -> str:
    formats = {name: cast(TradeFormat, loader.load(_KIND, name)) for name in loader.names(_KIND)}
    found = [name for name, module in formats.items() if module.recognises(first_line)]
    special = [name for name in found if name != _ANY_TABLE]
    if len(special or found) == 1:
        return (special or found)[0]
    raise InvalidInput(
        f"{path}: the format is not recognised from its first line {first_line[:60]!r}; say which with --format "
        f"({', '.join(format_names())}), or which column is what with --columns"
    )


def _merged(sources: Sequence[_Source], report: ReadReport) -> Iterator[Trade]:
    """Trades of all sources by time. A file is opened when its first trade is due, so a year of files is no burden."""
    waiting = [(source.first_time() if len(sources) > 1 else 0, source) for source in sources]
    # A file without a trade of the symbol is read too: its frames count.
    later = sorted(((time or 0, source.place, source) for time, source in waiting), key=lambda item: item[:2])
    later.reverse()
    heads: list[tuple[int, int, Trade, Iterator[Trade]]] = []
    while heads or later:
        if later and (not heads or later[-1][0] <= heads[0][0]):
            _, place, source = later.pop()
            trades: Iterator[Trade] = source.trades(report)
        else:
            _, place, trade, trades = heapq.heappop(heads)
            yield trade
        head = next(trades, None)
        if head is not None:
            heapq.heappush(heads, (head.event_time, place, head, trades))


def _nothing_found(symbol: str, paths: Sequence[Path], report: ReadReport) -> str:
    parts = [f"no trade of {symbol} in {', '.join(path.name for path in paths)}"]
    if report.symbols:
        parts.append(f"symbols found: {report.listed_symbols()}")
    if report.skipped:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(report.skipped.items()))
        parts.append(f"{report.skipped.total()} frames skipped ({kinds})")
    return "; ".join(parts)
