"""``tracker backtest`` as a user meets it."""

import gzip
import json

import pytest

from services.cli.main import main
from services.cli.parts.backtest_files import EQUITY, TRADES
from tests.backtest.markets import busy_walk
from tests.makers import MINUTE, START, recorded

pytestmark = pytest.mark.timeout(300)  # the first run after a change of the sources compiles them
LOOSE = ("--set", "oversold=40", "--set", "overbought=60", "--set", "take_profit_pct=1")


def write_candles(path, candles, first=0, end=None):
    columns = (candles.open_times, candles.opens, candles.highs, candles.lows, candles.closes, candles.quantities)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))[first:end]
    path.write_text("\n".join(["open_time,open,high,low,close,quantity", *(",".join(map(repr, row)) for row in rows)]))
    return path


@pytest.fixture(scope="module")
def market():
    return busy_walk(4_000)


@pytest.fixture
def folder(market, tmp_path, monkeypatch):
    """The current folder, with files good and bad; candles.csv is the good one."""
    monkeypatch.chdir(tmp_path)
    write_candles(tmp_path / "candles.csv", market)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "broken.csv").write_text(f"open_time,open,high,low,close,quantity\n{START},1,1,1,x,1\n")
    (tmp_path / "file").touch()
    return tmp_path


def run(capsys, *arguments):
    code = main(["backtest", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out) if code == 0 else capsys.readouterr().err


def test_the_files_and_the_figures_agree(folder, capsys):
    code, found = run(capsys, "candles.csv", "--symbol", "BTCUSDT", *LOOSE, "--out", "out", "--charts", "0")
    assert code == 0
    header, *trades = (folder / "out/trades.csv").read_text().splitlines()
    assert header == TRADES
    assert len(trades) == found["trades"] == found["wins"] + found["losses"] + found["break_evens"] > 20
    assert trades[0].startswith("rsi_divergence/BTCUSDT/")
    header, *equity = (folder / "out/equity.csv").read_text().splitlines()
    assert header == EQUITY
    assert len(equity) == found["bars"] == 4_000
    assert equity[0] == f"{START + MINUTE},1,0.000000"
    assert float(equity[-1].split(",")[1]) == pytest.approx(found["final_equity"])
    assert found["max_drawdown"] == pytest.approx(max(float(row.split(",")[2]) for row in equity))
    assert found["win_rate"]["low"] <= found["win_rate"]["value"] <= found["win_rate"]["high"]
    assert found["bars_per_second"] > 0
    assert "<h2>What is simulated</h2>" in (folder / "out/report.html").read_text()
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["equity.csv", "report.html", "trades.csv"]


def test_several_files_are_one_stream_in_any_order(folder, market, capsys):
    write_candles(folder / "early.csv", market, 0, 2_500)
    write_candles(folder / "late.csv", market, 2_400)
    _, whole = run(capsys, "candles.csv", "--symbol", "BTCUSDT", *LOOSE, "--out", "a", "--charts", "0")
    _, parts = run(capsys, "late.csv", "early.csv", "--symbol", "BTCUSDT", *LOOSE, "--out", "b", "--charts", "0")
    assert (folder / "a/trades.csv").read_text() == (folder / "b/trades.csv").read_text()
    assert parts["left_out"] == {"in two files": 100}
    assert whole["left_out"] == {}


def test_several_symbols_share_one_account(folder, capsys):
    write_candles(folder / "eth.csv", busy_walk(4_000, seed=4))
    names = ("BTCUSDT=candles.csv", "ETHUSDT=eth.csv", "--symbol", "BTCUSDT", "--symbol", "ETHUSDT")
    code, found = run(capsys, *names, *LOOSE, "--out", "out", "--charts", "0")
    assert code == 0
    assert found["symbols"] == ["BTCUSDT", "ETHUSDT"]
    assert found["bars"] == 8_000
    assert {row.split(",")[1] for row in (folder / "out/trades.csv").read_text().splitlines()[1:]} == set(
        found["symbols"]
    )


def test_a_recorded_week_is_drawn_with_its_evidence(folder, capsys):
    path = recorded("candles", "binance_spot_BTCUSDT_1m_2025-03-01_2025-04-01.csv.gz")
    with gzip.open(path, "rt") as file:
        (folder / "week.csv").write_text("".join(next(file) for _ in range(7 * 1440)))
    code, found = run(capsys, "week.csv", "--symbol", "BTCUSDT", "--out", "out", "--charts", "1")
    assert code == 0
    assert found["trades"] > 5
    shown = (folder / "out/report.html").read_text()
    assert shown.count('src="data:image/png;base64,iVBOR') == 2


def test_a_sweep_writes_its_table_and_tells_of_the_test_span(folder, capsys):
    swept = ("--sweep", "oversold=35:45:5", "--sweep", "take_profit_pct=1:2:1", "--walk-forward", "2")
    code, found = run(capsys, "candles.csv", "--symbol", "BTCUSDT", *LOOSE[2:4], *swept, "--out", "out")
    assert code == 0
    header, *rows = (folder / "out/sweep.csv").read_text().splitlines()
    assert header.startswith("oversold,take_profit_pct,train_trades,train_mean_pct,train_low_pct,test_trades")
    assert len(rows) == found["sets"] == 6
    assert found["walk_forward"]["folds"] == 2
    assert set(found["best"]) == {"oversold", "take_profit_pct"}
    assert "Walk-forward" in (folder / "out/report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nowhere.csv",), "nowhere.csv: no such file"),
        (("empty.csv",), "empty.csv"),
        (("broken.csv",), "'x'"),
        (("candles.csv", "--strategy", "rsi_divergance"), "did you mean 'rsi_divergence'?"),
        (("candles.csv", "--set", "oversould=3"), "unknown parameter 'oversould'"),
        (("candles.csv", "--set", "oversold"), "--set 'oversold': write name=value"),
        (("candles.csv", "--set", "oversold=20", "--set", "oversold=30"), "stands twice"),
        (("candles.csv", "--set", "oversold=200"), "oversold = 200"),
        (("candles.csv", "--feee", "1"), "--feee"),
        (("candles.csv", "--fee", "x"), "'x'"),
        (("candles.csv", "--risk", "0.5"), "--risk 0.5"),
        (("candles.csv", "--timeframe", "7m"), "unknown timeframe '7m'"),
        (("candles.csv", "--timeframe", "15m"), "see --timeframe"),
        (("candles.csv", "--sweep", "oversold=3"), "write oversold=A:B:STEP"),
        (("candles.csv", "--sweep", "oversould=1:2:1"), "--sweep oversould: unknown parameter"),
        (("candles.csv", "--sweep", "pivot_left=1:2:0.5"), "pivot_left is a whole number"),
        (("candles.csv", "--sweep", "oversold=9:2:1"), "A must not be above B"),
        (("candles.csv", "--walk-forward", "3"), "--walk-forward needs --sweep"),
        (("candles.csv", "--scheduler", "tcp://x:1"), "add --backend dask"),
        (("candles.csv", "--symbol", "ETHUSDT"), "write SYMBOL=FILE"),
        (("BTCUSDT=candles.csv", "--symbol", "ETHUSDT"), "no file for ETHUSDT"),
        (("candles.csv", "--symbol", "BTCUSDT"), "a symbol stands twice"),
    ],
)
def test_a_mistake_is_one_clear_line_and_leaves_nothing(folder, capsys, arguments, text):
    code, said = run(capsys, *arguments, "--symbol", "BTCUSDT", "--out", "out")
    assert code == 2
    assert text in said
    assert "Traceback" not in said
    assert not (folder / "out").exists() or list((folder / "out").iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_read(capsys):
    code, said = run(capsys, "nowhere.csv", "--symbol", "BTCUSDT", "--out", "file/out")
    assert code == 2
    assert "--out file/out cannot be written" in said


def test_candles_of_another_length_are_answered_with_the_option(folder, capsys):
    rows = [f"{START + i * 15 * MINUTE},1,1,1,1,1" for i in range(10)]
    (folder / "quarters.csv").write_text("\n".join(["open_time,open,high,low,close,quantity", *rows]))
    code, said = run(capsys, "quarters.csv", "--symbol", "BTCUSDT", "--out", "out")
    assert code == 2
    assert "add --timeframe 15m" in said


@pytest.mark.usefixtures("folder")
def test_people_are_told_in_a_few_lines(capsys):
    assert main(["backtest", "candles.csv", "--symbol", "BTCUSDT", "--out", "out", "--charts", "0"]) == 0
    said = capsys.readouterr().out
    assert "n < 30: not meaningful" in said
    assert "written to out: trades.csv, equity.csv, report.html" in said
