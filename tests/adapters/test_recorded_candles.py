"""Candle files of any format in, candles or one clear error out."""

import pytest

from shared.adapters.candle_files.csv import HEADER, row_of, write
from shared.adapters.recorded_candles import read_recorded_candles
from shared.adapters.wire.candle_rows import CandleReport
from shared.domain.candle import CandleSource
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput
from tests.makers import EXCHANGE, START, SYMBOL, make_candle


def read(path, timeframe=Timeframe.M1):
    instrument, report = Instrument(EXCHANGE, SYMBOL), CandleReport()
    return list(read_recorded_candles(path, instrument=instrument, timeframe=timeframe, columns=None, report=report))


def test_a_table_is_read_whatever_its_name(tmp_path):
    candle = make_candle(source=CandleSource.EXCHANGE)
    write(tmp_path / "odd.parquet", [candle])
    assert read(tmp_path / "odd.parquet") == [candle]


def test_parquet_is_known_by_content(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
    arrow = pytest.importorskip("pyarrow")
    columns = {name: [1] for name in ("open", "high", "low", "close", "volume")} | {"timestamp": [START]}
    parquet.write_table(arrow.table(columns), tmp_path / "odd.csv")
    assert [candle.open_time for candle in read(tmp_path / "odd.csv")] == [START]


def test_a_file_without_a_candle_says_why(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(f"{HEADER}\n")
    with pytest.raises(InvalidInput, match=r"no 1m candle in .*c\.csv$"):
        read(path)
    path.write_text(f"{HEADER}\n{row_of(make_candle(START + 60_000))}\n")
    with pytest.raises(InvalidInput, match=r"no 1h candle in .*; the first fault: .*line 2: impossible"):
        read(path, Timeframe.H1)


@pytest.mark.parametrize("name", ["nowhere.csv", "nowhere.parquet"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(InvalidInput, match=f"{name}: no such file"):
        read(tmp_path / name)
