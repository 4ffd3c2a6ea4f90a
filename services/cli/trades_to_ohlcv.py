"""``tracker trades-to-ohlcv``: recorded trades in, a CSV of candles out, offline, by the live candle builder."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from services.cli.parts.output import json_option, show
from shared.adapters.candle_files import csv as candle_csv
from shared.adapters.recorded_trades import AUTO, read_recorded
from shared.adapters.wire.columns import parse_columns
from shared.adapters.wire.read_report import ReadReport
from shared.adapters.wire.trade_rows import FIELDS
from shared.domain.candle import Candle, OpenMode
from shared.domain.timeframe import Timeframe
from shared.engine.candle_builder import CandleBuilder
from shared.engine.offline_packs import LAG, offline_packs
from shared.errors import InvalidInput, InvalidMessage

_EXCHANGE = "recorded"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was done.

    Attributes:
        rows: Candles written.
        trades: Trades in them.
        duplicates: Trades left out because their id was there already.
        incomplete: Candles written with ``complete`` 0.
        skipped: Frames that held no trade, by kind.
        first: Open time of the first candle, ms UTC.
        last: Open time of the last candle, ms UTC.
        out: The file.
    """

    rows: int
    trades: int
    duplicates: int
    incomplete: int
    skipped: dict[str, int]
    first: int
    last: int
    out: str


@click.command(epilog="Example: tracker trades-to-ohlcv BTCUSDT2026-07-25.csv.gz --symbol BTCUSDT --out BTCUSDT_1m.csv")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--symbol", required=True, help="The symbol, as the files spell it: BTCUSDT.")
@click.option("--timeframe", default="1m", show_default=True, help="Length of the candles.")
@click.option(
    "--format",
    "format_name",
    default=AUTO,
    show_default=True,
    help="How the files are written; a wrong name is answered with the list of all.",
)
@click.option("--columns", help="For tables: time=timestamp,price=price,quantity=qty,id=tradeId; or numbers from 0.")
@click.option(
    "--open-mode",
    type=click.Choice([mode.value for mode in OpenMode]),
    default=OpenMode.FIRST_TRADE.value,
    show_default=True,
    help="What a candle opens with. With previous_close the first candle is incomplete: nothing is known before it.",
)
@click.option("--contiguous-ids", is_flag=True, help="Trade ids count up by one: a jump is a hole in the recording.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The CSV file to write.")
@json_option
def trades_to_ohlcv(
    *,
    files: tuple[Path, ...],
    symbol: str,
    timeframe: str,
    format_name: str,
    columns: str | None,
    open_mode: str,
    out: Path,
    contiguous_ids: bool,
    as_json: bool,
) -> None:
    """Make candles of recorded trades in FILES.

    Several files are one stream, in any order; trades that stand in two of them count once. Trades may be out of order
    by up to an hour. The first candle starts at its floor and the last one ends at its ceiling, both complete unless a
    hole in the ids touches them. A span without trades is flat at the previous close.
    """
    done = convert(
        files,
        symbol=symbol,
        timeframe=Timeframe.parse(timeframe),
        format_name=format_name,
        columns=parse_columns(columns, FIELDS) if columns is not None else None,
        open_mode=OpenMode(open_mode),
        contiguous_ids=contiguous_ids,
        out=out,
    )
    show(asdict(done), as_json=as_json, text=_text(done))


def convert(
    files: Sequence[Path],
    *,
    symbol: str,
    timeframe: Timeframe = Timeframe.M1,
    format_name: str = AUTO,
    columns: Mapping[str, str] | None = None,
    open_mode: OpenMode = OpenMode.FIRST_TRADE,
    contiguous_ids: bool = False,
    out: Path,
) -> Conversion:
    """Write the candles of recorded trades to `out`, which is whole at the end or as it was before.

    Raises:
        InvalidInput: A file, the symbol, the format or the place is wrong; names the value and the cure.
    """
    if out.resolve() in {file.resolve() for file in files}:
        raise InvalidInput(f"--out {out} is one of the files to read: choose another name")
    report = ReadReport()
    trades = read_recorded(files, symbol=symbol, format_name=format_name, columns=columns, report=report)
    packs = offline_packs(trades, exchange=_EXCHANGE, symbol=symbol, timeframe=timeframe, contiguous_ids=contiguous_ids)
    builder = CandleBuilder(
        exchange=_EXCHANGE, timeframe=timeframe, open_mode=open_mode, grace=0, patience=0, retention=LAG
    )
    tally = _Tally()
    rows = candle_csv.write(out, tally.count(_settled((builder.on_pack(pack) for pack in packs), timeframe)))
    return Conversion(
        rows=rows,
        trades=tally.trades,
        duplicates=builder.stats.duplicates,
        incomplete=tally.incomplete,
        skipped=dict(sorted(report.skipped.items())),
        first=tally.first,
        last=tally.last,
        out=str(out),
    )


def _settled(batches: Iterable[list[Candle]], timeframe: Timeframe) -> Iterator[Candle]:
    """Candles in order, each in its last revision: held back until the builder can no longer revise them."""
    kept = LAG // timeframe.millis + 2
    held: dict[int, Candle] = {}
    try:
        for batch in batches:
            for candle in batch:
                held[candle.open_time] = candle
                while len(held) > kept:
                    yield held.pop(min(held))
    except InvalidMessage as error:
        raise InvalidInput(f"{error}; mend or remove it") from None
    for open_time in sorted(held):
        yield held[open_time]


class _Tally:
    """Counts the candles that pass."""

    def __init__(self) -> None:
        self.trades = self.incomplete = self.first = self.last = 0

    def count(self, candles: Iterable[Candle]) -> Iterator[Candle]:
        for candle in candles:
            self.first = self.first or candle.open_time
            self.last = candle.open_time
            self.trades += candle.trades
            self.incomplete += not candle.complete
            yield candle


def _text(done: Conversion) -> str:
    skipped = ", ".join(f"{kind} {count}" for kind, count in done.skipped.items())
    return (
        f"{done.rows} candles of {done.trades} trades written to {done.out}: {done.incomplete} incomplete, "
        f"{done.duplicates} duplicate trades left out" + (f"; frames skipped: {skipped}" if skipped else "")
    )
