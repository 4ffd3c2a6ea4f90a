"""Files and options in, one history and one strategy out; what is wrong is named."""

import pytest

from services.cli.parts.backtest_input import read_history
from shared.adapters.candle_files.csv import write
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput
from tests.makers import MINUTE, START, make_candle


def candles(first, count):
    return [make_candle(START + n * MINUTE) for n in range(first, first + count)]


def test_files_in_any_order_are_one_history(tmp_path):
    for name, first in (("late.csv", 10), ("early.csv", 0)):
        write(tmp_path / name, candles(first, 3))
    found = read_history([tmp_path / "late.csv", tmp_path / "early.csv"], "btcusdt", Timeframe.M1, None)
    assert [(candle.open_time - START) // MINUTE for candle in found] == [0, 1, 2, 10, 11, 12]
    assert {candle.symbol for candle in found} == {"BTCUSDT"}


def test_files_that_overlap_are_refused(tmp_path):
    for name, first in (("a.csv", 0), ("b.csv", 2)):
        write(tmp_path / name, candles(first, 3))
    with pytest.raises(InvalidInput, match=r"a\.csv and .*b\.csv overlap"):
        read_history([tmp_path / "b.csv", tmp_path / "a.csv"], "BTCUSDT", Timeframe.M1, None)


def test_rows_that_are_left_out_are_said(tmp_path, capsys):
    path = tmp_path / "a.csv"
    write(path, candles(0, 2))
    with path.open("a") as file:
        file.write(f"{START},1,1,1,1,1,1,1,1\n")
    assert len(read_history([path], "BTCUSDT", Timeframe.M1, None)) == 2
    assert "left out:" in capsys.readouterr().err


def test_columns_can_be_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{START},9,9,9,9,1\n{START + MINUTE},9,9,9,9,1\n")
    columns = "open_time=0,open=1,high=2,low=3,close=4,quantity=5"
    assert len(read_history([path], "BTCUSDT", Timeframe.M1, columns)) == 2
