"""Candles out of parquet files, and what is said where pyarrow is not installed."""

import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.adapters.loader import load
from shared.adapters.wire.candle_rows import CandleReport
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError, InvalidInput
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL


@pytest.fixture
def arrow():
    pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
    return sys.modules["pyarrow"]


def read_all(path):
    report = CandleReport()
    instrument = Instrument(EXCHANGE, SYMBOL)
    adapter = load("candle_files", "parquet")
    return list(adapter.read(path, instrument=instrument, timeframe=Timeframe.M1, columns=None, report=report)), report


def write(arrow, path, times, close=0.1):
    count = len(times)
    columns = {"timestamp": times, "open": [0.1] * count, "high": [0.3] * count, "low": [1e-7] * count}
    columns |= {"close": [close] * count, "volume": [7] * count}
    sys.modules["pyarrow.parquet"].write_table(arrow.table(columns), path, row_group_size=1)
    return path


def test_numbers_come_out_as_they_were_written(arrow, tmp_path):
    candles, _ = read_all(write(arrow, tmp_path / "c.parquet", [START, START + MINUTE]))
    assert [candle.open_time for candle in candles] == [START, START + MINUTE]
    assert candles[0].low == Decimal("1e-7")
    assert (candles[0].close, candles[0].quantity) == (Decimal("0.1"), 7)


def test_dates_are_times_too(arrow, tmp_path):
    times = [datetime.fromtimestamp(START / 1000, UTC), datetime.fromtimestamp((START + MINUTE) / 1000, UTC)]
    assert [candle.open_time for candle in read_all(write(arrow, tmp_path / "c.parquet", times))[0]] == [
        START,
        START + MINUTE,
    ]


def test_faults_name_the_row(arrow, tmp_path):
    _, report = read_all(write(arrow, tmp_path / "c.parquet", [START, START]))
    assert report.faults == {"duplicate": 1}
    assert "line 2" in report.fault_lines[0]
    with pytest.raises(InvalidInput, match="line 1: '': close"):
        read_all(write(arrow, tmp_path / "c.parquet", [START], close=None))


@pytest.mark.usefixtures("arrow")
def test_what_is_no_parquet_file_is_refused(tmp_path):
    path = tmp_path / "c.parquet"
    path.write_text("timestamp,open\n")
    with pytest.raises(InvalidInput, match="cannot be read as parquet"):
        read_all(path)
    with pytest.raises(InvalidInput, match="no such file"):
        read_all(tmp_path / "nowhere.parquet")
    with pytest.raises(InvalidInput, match="is a directory"):
        read_all(tmp_path)


def test_without_pyarrow_the_error_names_the_cure(monkeypatch):
    monkeypatch.delitem(sys.modules, "shared.adapters.candle_files.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"needs the package 'pyarrow'.*\[parquet\]"):
        load("candle_files", "parquet")
