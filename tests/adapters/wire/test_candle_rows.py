"""Rows of tables in, candles and faults with line numbers out."""

from decimal import Decimal

import pytest

from shared.adapters.wire.candle_rows import CandleReport, read_candles
from shared.adapters.wire.columns import split_rows
from shared.domain.candle import CandleSource
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL


def read(*lines, columns=None, report=None, timeframe=Timeframe.M1):
    report = report or CandleReport("c.csv")
    rows = split_rows(report.follow(lines), report)
    return list(
        read_candles(rows, instrument=Instrument(EXCHANGE, SYMBOL), timeframe=timeframe, columns=columns, report=report)
    )


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("open_time,open,high,low,close,quantity", f"{START},2,4,1,3,9"),
        ("start_ms,open,high,low,close,volume", f"{START},2,4,1,3,9"),
        ("timestamp,open,high,low,close,volume", "2026-01-01 00:00:00,2,4,1,3,9"),
        ("timestamp,datetime,open,high,low,close,volume", f"{START},2026-01-01 02:00:00,2,4,1,3,9"),
        ("ts,Open,High,Low,Close,vol", "2026-01-01 00:00:00+00:00,2,4,1,3,9"),
        ("date,close,open,high,low,volume", "2026-01-01T01:00:00+01:00,3,2,4,1,9"),
    ],
)
def test_columns_are_known_by_their_usual_names_and_a_number_wins_over_a_text(header, row):
    (candle,) = read(header, row)
    assert candle.open_time == START
    assert [candle.open, candle.high, candle.low, candle.close] == [2, 4, 1, 3]
    assert (candle.quantity, candle.turnover, candle.trades) == (9, 0, 0)
    assert candle.complete
    assert candle.source is CandleSource.EXCHANGE
    assert candle.instrument == Instrument(EXCHANGE, SYMBOL)


def test_turnover_count_and_completeness_are_read_where_they_are():
    rows = ("open_time,open,high,low,close,vol,turn,trades,complete", f"{START},2,4,1,3,9,27.50,5,0")
    (candle,) = read(*rows)
    assert (candle.turnover, candle.trades, candle.complete) == (Decimal("27.50"), 5, False)


def test_a_file_without_header_is_read_by_numbers():
    columns = {"open_time": "0", "open": "1", "high": "2", "low": "3", "close": "4", "quantity": "5"}
    assert [candle.close for candle in read(f"{START},2,4,1,3,9", columns=columns)] == [3]


def test_faulty_rows_are_left_out_and_reported_by_line():
    report = CandleReport("c.csv")
    found = read(
        "ts,open,high,low,close,vol",
        f"{START},2,4,1,3,9",
        f"{START},2,4,1,3,9",
        f"{START + 2 * MINUTE},2,4,1,3,9",
        f"{START + MINUTE},2,4,1,3,9",
        f"{START + 3 * MINUTE},2,4,3,3,9",
        f"{START + 3 * MINUTE + 1},2,4,1,3,9",
        f"{START + 3 * MINUTE},2,4,1,3,0",
        report=report,
    )
    assert [candle.open_time for candle in found] == [START, START + 2 * MINUTE, START + 3 * MINUTE]
    assert report.candles == 3
    assert report.faults == {"duplicate": 1, "disorder": 1, "impossible": 2}
    assert [line.split(": ")[0] for line in report.fault_lines] == [f"c.csv, line {n}" for n in (3, 5, 6, 7)]


def test_only_the_first_faults_are_told_in_full():
    report = CandleReport("c.csv")
    read("ts,open,high,low,close,vol", *[f"{START},2,4,1,3,9"] * 100, report=report)
    assert report.faults == {"duplicate": 99}
    assert len(report.fault_lines) == 20


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("0,2,4,1,3,9,1,1", "'0': open_time: no time"),
        (f"{START},2,4,1,,9,1,1", "'': close: not a number"),
        (f"{START},2,4,1,3,-9,1,1", "'-9': quantity"),
        (f"{START},2,4,1,3,9,x,1", "'x': trades: no count"),
        (f"{START},2,4,1,3,9,1,yes", "'yes': complete: neither 0 nor 1"),
    ],
)
def test_a_broken_cell_is_named_with_its_place(row, text):
    with pytest.raises(InvalidInput, match=f"c.csv, line 2: {text}"):
        read("ts,open,high,low,close,vol,trades,complete", row)
