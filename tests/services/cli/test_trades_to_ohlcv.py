"""``tracker trades-to-ohlcv`` as a user meets it."""

import json

import pytest

from services.cli.main import main
from services.cli.trades_to_ohlcv import convert
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput
from tests.makers import MINUTE, START

HEADER = "timestamp,price,quantity,side,tradeId"
ROWS = [
    f"{START + 5_000},100.10,2,buy,7",
    f"{START + 30_000},99.9,1,sell,8",
    f"{START + 2 * MINUTE},101,0.5,buy,9",
]


@pytest.fixture
def trades(tmp_path):
    path = tmp_path / "trades.csv"
    path.write_text("\n".join([HEADER, *ROWS]))
    return path


@pytest.fixture
def folder(trades, tmp_path, monkeypatch):
    """The current folder, with files good and bad; trades.csv is the good one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "junk.bin").write_bytes(bytes(range(256)))
    (tmp_path / "broken.csv").write_text("\n".join([HEADER, *ROWS, f"{START + 3 * MINUTE},x,1,buy,10"]))
    (tmp_path / "frames.jsonl").write_text(
        '{"success":true,"ret_msg":"pong","op":"ping"}\n{"topic":"publicTrade.ETHUSDT","type":"snapshot","ts":1747612836880,'
        '"data":[{"T":1747612836878,"s":"ETHUSDT","S":"Buy","v":"0.1","p":"64","i":"a","BT":false}]}\n'
    )
    return trades.parent


def test_the_written_file_is_exact(trades, tmp_path, capsys):
    out = tmp_path / "candles.csv"
    assert main(["trades-to-ohlcv", str(trades), "--symbol", "BTCUSDT", "--out", str(out), "--json"]) == 0
    assert out.read_text().splitlines() == [
        "open_time,open,high,low,close,quantity,turnover,trades,complete",
        f"{START},100.1,100.1,99.9,99.9,3,300.1,2,1",
        f"{START + MINUTE},99.9,99.9,99.9,99.9,0,0,0,1",
        f"{START + 2 * MINUTE},101,101,101,101,0.5,50.5,1,1",
    ]
    assert json.loads(capsys.readouterr().out) == {
        "rows": 3,
        "trades": 3,
        "duplicates": 0,
        "incomplete": 0,
        "skipped": {},
        "first": START,
        "last": START + 2 * MINUTE,
        "out": str(out),
    }


def test_without_json_the_result_is_one_line_for_people(trades, tmp_path, capsys):
    out = tmp_path / "candles.csv"
    assert main(["trades-to-ohlcv", str(trades), "--symbol", "BTCUSDT", "--out", str(out)]) == 0
    line = capsys.readouterr().out
    assert line == f"3 candles of 3 trades written to {out}: 0 incomplete, 0 duplicate trades left out\n"


def test_options_reach_the_builder(trades, tmp_path):
    out = tmp_path / "candles.csv"
    arguments = ["trades-to-ohlcv", str(trades), "--symbol", "BTCUSDT", "--out", str(out)]
    assert main([*arguments, "--timeframe", "5m"]) == 0
    assert out.read_text().splitlines()[1:] == [f"{START},100.1,101,99.9,101,3.5,350.6,3,1"]
    assert main([*arguments, "--open-mode", "previous_close"]) == 0
    rows = [row.split(",") for row in out.read_text().splitlines()[1:]]
    assert [(row[1], row[-1]) for row in rows] == [("100.1", "0"), ("99.9", "1"), ("99.9", "1")]
    columns = "time=timestamp,price=price,quantity=quantity"
    assert main([*arguments, "--format", "csv", "--columns", columns]) == 0


def test_two_recordings_of_the_same_trades_count_them_once(trades, tmp_path):
    again = tmp_path / "again.csv"
    again.write_text("\n".join([HEADER, *ROWS[1:], f"{START + 3 * MINUTE},102,1,buy,10"]))
    done = convert([again, trades], symbol="BTCUSDT", contiguous_ids=True, out=tmp_path / "out.csv")
    assert (done.rows, done.trades, done.duplicates, done.incomplete) == (4, 4, 2, 0)


def test_a_jump_in_the_ids_marks_the_minutes_it_touches(trades, tmp_path):
    trades.write_text("\n".join([HEADER, ROWS[0], ROWS[1], ROWS[2].replace(",9", ",10")]))
    done = convert([trades], symbol="BTCUSDT", contiguous_ids=True, out=tmp_path / "out.csv")
    assert done.incomplete == 3
    assert convert([trades], symbol="BTCUSDT", out=tmp_path / "out.csv").incomplete == 0


def test_long_input_is_written_as_it_comes_and_in_order(tmp_path):
    path, out = tmp_path / "long.csv", tmp_path / "out.csv"
    times = range(START, START + 3000 * MINUTE, 20_000)
    path.write_text("\n".join([HEADER, *(f"{time},1,1,buy,{number}" for number, time in enumerate(times))]))
    done = convert([path], symbol="X", timeframe=Timeframe.M1, out=out)
    opened = [int(line.split(",")[0]) for line in out.read_text().splitlines()[1:]]
    assert opened == [START + n * MINUTE for n in range(3000)]
    assert (done.first, done.last, done.trades) == (opened[0], opened[-1], 9000)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nowhere.csv"], "nowhere.csv: no such file"),
        (["."], ". is a directory: name the files in it"),
        (["empty.csv"], "empty.csv is empty"),
        (["junk.bin"], "junk.bin is not UTF-8 text"),
        (["trades.csv", "--format", "tsv"], "unknown format 'tsv'; known: auto, binance-archive"),
        (
            ["trades.csv", "--columns", "time=when,price=price,quantity=quantity"],
            "no column 'when'; the file has: timest",
        ),
        (["trades.csv", "--columns", "cost=price"], "--columns 'cost=price': write field=column"),
        (["trades.csv", "--timeframe", "2m"], "unknown timeframe '2m'; known: 1m, 5m"),
        (["trades.csv", "--open-mode", "magic"], "'magic' is not one of 'previous_close', 'first_trade'"),
        (["frames.jsonl"], "no trade of BTCUSDT in frames.jsonl; symbols found: ETHUSDT; 1 frames skipped (pong 1)"),
        (["broken.csv"], "broken.csv, line 5: 'x': price: not a number; mend or remove the line"),
        (["trades.csv", "--out", "trades.csv"], "--out trades.csv is one of the files to read"),
        (["trades.csv", "--out", "no/where.csv"], "no/where.csv cannot be written"),
        ([], "Missing argument 'FILES...'"),
    ],
)
def test_a_mistake_is_one_clear_line_and_leaves_nothing_behind(folder, capsys, arguments, text):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(["trades-to-ohlcv", "--symbol", "BTCUSDT", "--out", "out.csv", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert text in output.err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_trade_no_candle_can_hold_is_refused_too(tmp_path):
    path = tmp_path / "frames.jsonl"
    path.write_text(
        '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1747612836880,"data":[{"T":1747612836878,"s":"BTCUSDT",'
        '"S":"Buy","v":"0.0000000000001","p":"64","i":"a","BT":false}]}'
    )
    with pytest.raises(InvalidInput, match=r"trade 'a' of BTCUSDT has .*; remove the line"):
        convert([path], symbol="BTCUSDT", out=tmp_path / "out.csv")
