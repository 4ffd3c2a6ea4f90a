"""Files in, one stream a symbol out; what does not fit is said."""

from pathlib import Path

import pytest

from services.cli.parts.backtest_markets import Faults, Source, assign, load
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput
from tests.makers import MINUTE, START

M1 = Source(Timeframe.M1, None)


def write(path, *minutes, close="2"):
    rows = [f"{START + minute * MINUTE},1,3,1,{close},5" for minute in minutes]
    path.write_text("\n".join(["open_time,open,high,low,close,quantity", *rows]))
    return path


def test_bare_files_belong_to_the_only_symbol():
    assert assign(["a.csv", "BTCUSDT=b.csv", "x=1.csv"], ["BTCUSDT"]) == {
        "BTCUSDT": [Path("a.csv"), Path("b.csv"), Path("x=1.csv")]
    }


@pytest.mark.parametrize(
    ("files", "symbols", "text"),
    [
        (["a.csv"], ["A", "B"], "write SYMBOL=FILE"),
        (["C=a.csv"], ["A", "B"], "'C=a.csv' belongs to none of A, B"),
        (["A=a.csv"], ["A", "B"], "no file for B"),
        (["A=a.csv"], ["A", "A"], "stands twice"),
    ],
)
def test_files_without_a_symbol_and_symbols_without_a_file_are_named(files, symbols, text):
    with pytest.raises(InvalidInput, match=text):
        assign(files, symbols)


def test_files_are_one_stream_and_faults_are_counted(tmp_path):
    later, early = write(tmp_path / "b.csv", 2, 3, 3, 4), write(tmp_path / "a.csv", 0, 1, 2)
    faults, told = Faults(), []
    candles = load("BTCUSDT", [later, early], M1, faults, told.append)
    assert ((candles.open_times - START) // MINUTE).tolist() == [0, 1, 2, 3, 4]
    assert faults.counts == {"duplicate": 1, "in two files": 1}
    assert "b.csv, line 4: duplicate" in faults.lines[0]
    assert told == [3, 3]


@pytest.mark.parametrize(
    ("minutes", "timeframe", "text"),
    [
        ([0, 15, 30], Timeframe.M1, "15 minutes apart, not 1m; add --timeframe 15m"),
        ([0, 7, 14], Timeframe.M1, "7 minutes apart, not 1m; known: 1m"),
        (range(30), Timeframe.M15, "see --timeframe"),
    ],
)
def test_candles_of_another_length_are_refused(tmp_path, minutes, timeframe, text):
    with pytest.raises(InvalidInput, match=text):
        load("BTCUSDT", [write(tmp_path / "a.csv", *minutes)], Source(timeframe, None), Faults(), lambda _: None)
