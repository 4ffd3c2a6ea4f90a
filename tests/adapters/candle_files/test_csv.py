"""Candles into CSV files and out of them."""

import gzip
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.candle_files.csv import HEADER, read, row_of, write
from shared.adapters.wire.candle_rows import CandleReport
from shared.domain.candle import CandleSource
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, recorded


def read_all(path, timeframe=Timeframe.M1, columns=None):
    report = CandleReport()
    instrument = Instrument(EXCHANGE, SYMBOL)
    return list(read(path, instrument=instrument, timeframe=timeframe, columns=columns, report=report)), report


def test_what_is_written_is_read_again(tmp_path):
    candles = [
        make_candle(START, "0.00000001", source=CandleSource.EXCHANGE),
        make_candle(START + MINUTE, "1E+3", complete=False, trades=0, source=CandleSource.EXCHANGE),
    ]
    assert write(tmp_path / "out.csv", candles) == 2
    assert read_all(tmp_path / "out.csv")[0] == candles


def test_decimals_have_no_exponent_and_no_trailing_zeros():
    candle = make_candle(START, "1E+3", quantity="0.0000000100", turnover="1.50")
    assert row_of(candle) == f"{START},1000,1000,1000,1000,0.00000001,1.5,1,1"
    assert len(row_of(candle).split(",")) == len(HEADER.split(","))


@given(st.decimals("1e-12", "1e18", allow_nan=False, allow_infinity=False))
def test_every_number_survives_as_text(number):
    text = row_of(replace(make_candle(), turnover=number)).split(",")[6]
    assert Decimal(text) == number
    assert "E" not in text


def test_an_error_leaves_the_place_as_it_was(tmp_path):
    def broken():
        yield make_candle()
        raise InvalidInput("the second row is broken")

    out = tmp_path / "out.csv"
    with pytest.raises(InvalidInput, match="second row"):
        write(out, broken())
    assert list(tmp_path.iterdir()) == []
    out.write_text("before")
    with pytest.raises(InvalidInput, match="second row"):
        write(out, broken())
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="is a directory"):
        write(tmp_path, [])
    with pytest.raises(InvalidInput, match=r"nowhere/out\.csv cannot be written: No such file or directory"):
        write(tmp_path / "nowhere" / "out.csv", [])


def test_gzip_is_read(tmp_path):
    path = tmp_path / "c.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{row_of(make_candle())}".encode()))
    assert len(read_all(path)[0]) == 1


@pytest.mark.parametrize(
    ("name", "timeframe", "rows", "first"),
    [
        ("binance_spot_BTCUSDT_1m_2025-03-01_2025-04-01", Timeframe.M1, 44_640, 1_740_798_000_000),
        ("bybit_GRTUSDT_1_2025-11-01_2025-11-12", Timeframe.M1, 15_995, 1_762_032_300_000),
        ("bybit_BTCUSDT_15m_2025", Timeframe.M15, 9_000, 1_743_423_300_000),
        ("freqtrade_binance_XRPETH_5m", Timeframe.M5, 706, 1_570_752_000_000),
    ],
)
def test_recorded_files_of_every_dialect_are_read_without_a_fault(name, timeframe, rows, first):
    candles, report = read_all(recorded("candles", f"{name}.csv.gz"), timeframe)
    assert (len(candles), report.candles, candles[0].open_time) == (rows, rows, first)
    assert not report.faults


def test_a_headerless_recording_is_read_by_numbers():
    columns = {name: str(n) for n, name in enumerate(["open_time", "open", "high", "low", "close", "quantity"])}
    path = recorded("candles", "lean_bitfinex_BTCUSD_1h_2013-10.csv.gz")
    candles, report = read_all(path, Timeframe.H1, columns)
    assert (len(candles), candles[0].open_time, not report.faults) == (733, 1_380_585_600_000, True)
    with pytest.raises(InvalidInput, match="no header"):
        read_all(path, Timeframe.H1)


def test_times_since_midnight_are_refused_rather_than_taken_for_1970():
    columns = {name: str(n) for n, name in enumerate(["open_time", "open", "high", "low", "close", "quantity"])}
    with pytest.raises(InvalidInput, match="'0': open_time: no time between 2000 and 2100"):
        read_all(recorded("candles", "lean_bybit_spot_BTCUSDT_1m_2022-12-13.csv.gz"), columns=columns)
