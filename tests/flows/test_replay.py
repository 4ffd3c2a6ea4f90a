"""``tracker replay`` over real recordings: the same digest always, files of the documented shapes, clear refusals."""

import csv
import hashlib
import json
from decimal import Decimal
from itertools import pairwise

import pytest

from services.cli.main import main
from tests.flows.processes import tracker
from tests.makers import MINUTE, START, recorded

LTC = ("trades", "binance_LTCUSDT_trades_2025-06-21.csv.gz")
INCH = ("trades", "bybit_spot_1INCHUSDT_2025-05-19.csv.gz")
BTC = ("candles", "binance_spot_BTCUSDT_1m_2025-03-01_2025-04-01.csv.gz")
DISTURBED = ("--disturb", "dup=0.1,reorder=0.05", "--seed")
HEADER = "open_time,open,high,low,close,quantity,turnover,trades,complete"
SIGNAL_KEYS = {
    *("kind", "signal_id", "strategy", "symbol", "side", "time", "open_time", "price", "take_profit", "stop_loss"),
    *("reason", "pnl_pct", "ambiguous", "decision"),
}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def replay(folder, *arguments, **environment):
    done = tracker(folder, "replay", *arguments, "--out", "out", "--json", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_day_of_trades_gives_one_digest_whatever_the_hash_seed_and_the_delivery(tmp_path):
    day = (recorded(*LTC), "--symbol", "LTCUSDT")
    calm = replay(tmp_path, *day, PYTHONHASHSEED="0")
    assert (calm["trades"], calm["symbols"]) == (53_325, 1)
    assert calm["entries"] == calm["messages_sent"] > 0
    assert calm["exits"] == calm["messages_edited"] > 0
    disturbed = [replay(tmp_path, *day, *DISTURBED, seed, PYTHONHASHSEED=str(seed)) for seed in (1, 2)]
    assert [run["digest"] for run in disturbed] == [calm["digest"]] * 2


def test_what_is_set_for_live_alone_changes_no_digest(tmp_path):
    """Shadows, the macro gate and the advice on sizes are left out of a replay."""
    day = (recorded(*LTC), "--symbol", "LTCUSDT")
    live = {"TRACKER__SHADOWS__LOOSE__STRATEGY": "rsi_threshold", "TRACKER__MACRO_GATE__NEUTRAL_SIZE": "0.5"}
    calm, other = replay(tmp_path, *day), replay(tmp_path, *day, **live)
    assert (calm["digest"], calm["entries"]) == (other["digest"], other["entries"])
    assert not any({"macro", "size"} & line["decision"].keys() for line in lines(tmp_path / "out" / "signals.jsonl"))


@pytest.mark.parametrize(("day", "symbol"), [(LTC, "LTCUSDT"), (INCH, "1INCHUSDT")])
def test_packs_that_come_a_minute_late_are_healed_and_every_trade_is_accounted_for(tmp_path, day, symbol):
    arguments = (recorded(*day), "--symbol", symbol)
    calm = replay(tmp_path, *arguments)
    assert calm["trades_received"] == calm["trades_folded"] == calm["trades"]
    assert (calm["duplicates"], calm["late_revised"], calm["lost"]) == (0, 0, 0)
    late = replay(tmp_path, *arguments, "--disturb", "dup=0.1,reorder=0.05,delay=0.01", "--seed", 1)
    assert late["digest"] == calm["digest"]
    assert late["trades_received"] == late["trades_folded"] + late["duplicates"] + late["lost"]
    assert (late["trades_folded"], late["lost"]) == (calm["trades"], 0)
    assert late["duplicates"] > 0.05 * calm["trades"]
    assert late["late_revised"] > 0, "no pack came behind the close of its minute"
    assert late["packs_delayed"] > 10


def test_a_month_of_candles_gives_one_digest_whatever_the_hash_seed_and_the_delivery(tmp_path):
    month = ("--candles", recorded(*BTC), "--symbol", "BTCUSDT")
    calm = replay(tmp_path, *month, PYTHONHASHSEED="0")
    assert (calm["candles"], calm["market_minutes"], calm["incomplete"]) == (44_640, 44_640, 0)
    assert calm["entries"] == calm["messages_sent"] > 50
    assert replay(tmp_path, *month, *DISTURBED, 1, PYTHONHASHSEED="1")["digest"] == calm["digest"]


def test_the_files_have_the_documented_shapes_and_the_digest_is_theirs(tmp_path):
    done = replay(tmp_path, recorded(*LTC), "--symbol", "LTCUSDT")
    out = tmp_path / "out"
    candles, signals = (out / "candles.csv").read_bytes(), (out / "signals.jsonl").read_bytes()
    assert done["digest"] == hashlib.sha256(candles + signals).hexdigest()

    rows = candles.decode().splitlines()
    times = [int(row.split(",")[0]) for row in rows[1:]]
    assert rows[0] == HEADER
    assert len(times) == done["candles"]
    assert all(after - before == MINUTE for before, after in pairwise(times))

    said = lines(out / "signals.jsonl")
    assert all(line.keys() >= SIGNAL_KEYS for line in said)
    assert [line["kind"] for line in said].count("entry") == done["entries"]
    assert [line["time"] for line in said] == sorted(line["time"] for line in said)
    assert all(line["reason"] in ("take_profit", "stop_loss") for line in said if line["kind"] == "exit")
    assert all(line["decision"]["rsi"] for line in said if line["kind"] == "entry")

    calls = lines(out / "messages.jsonl")
    assert {call["method"] for call in calls} == {"send", "edit"}
    assert all(call.keys() == {"method", "chat", "signal_id", "text", "result"} for call in calls)
    assert [call["signal_id"] for call in calls if call["method"] == "send"] == [
        line["signal_id"] for line in said if line["kind"] == "entry"
    ]


@pytest.mark.parametrize("open_mode", ["first_trade", "previous_close"])
def test_a_replay_and_a_conversion_make_the_same_candles(tmp_path, capsys, open_mode):
    (tmp_path / "tracker.toml").write_text(f'[aggregator]\nopen_mode = "{open_mode}"\n')
    source = str(recorded(*LTC))
    assert main(["replay", source, "--symbol", "LTCUSDT", "--out", "out"]) == 0
    convert = ["trades-to-ohlcv", source, "--symbol", "LTCUSDT", "--open-mode", open_mode, "--out", "offline.csv"]
    assert main(convert) == 0
    capsys.readouterr()
    ours, theirs = numbers(tmp_path / "out" / "candles.csv"), numbers(tmp_path / "offline.csv")
    assert len(ours) > 700
    assert ours == theirs


def numbers(path):
    with path.open() as file:
        return [{name: Decimal(cell) for name, cell in row.items()} for row in csv.DictReader(file)]


@pytest.fixture
def trades(tmp_path):
    """Three hours of a quiet market."""
    path = tmp_path / "trades.csv"
    rows = [f"{START + n * 20_000},{100 + n % 7},1,buy,{n}" for n in range(540)]
    path.write_text("\n".join(["timestamp,price,size,side,id", *rows]))
    return [str(path), "--symbol", "BTCUSDT", "--columns", "time=timestamp,price=price,quantity=size,side=side,id=id"]


def digest_of(arguments, capsys):
    code = main(["replay", *arguments, "--out", "out", "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)["digest"]


def test_adapters_and_foreign_symbols_of_the_current_folders_settings_do_not_touch_a_replay(trades, tmp_path, capsys):
    plain = digest_of(trades, capsys)
    (tmp_path / "tracker.toml").write_text(
        'bus = "sqlite"\nstore = "sqlite"\noutbox = "sqlite"\nnotifier = "telegram"\ncharts = "nowhere"\n'
        'clock = "scaled"\nexchange = "bybit-spot"\nsymbols = ["ETHUSDT"]\n[sqlite_store]\npath = "mine.sqlite"\n'
        "[strategies.rsi_divergence.symbols.ETHUSDT]\nrsi_period = 9\n"
    )
    assert digest_of(trades, capsys) == plain
    assert not (tmp_path / "mine.sqlite").exists()


def test_strategy_parameters_of_the_current_folders_settings_count(trades, tmp_path, capsys):
    (tmp_path / "tracker.toml").write_text("[strategies.rsi_divergence.symbols.BTCUSDT]\nrsi_period = 1\n")
    assert main(["replay", *trades, "--out", "out"]) == 2
    assert "rsi_period" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trades.csv", "--candles", "trades.csv"], "name trade FILES, or a candle file with --candles, and not both"),
        ([], "name trade FILES, or a candle file with --candles"),
        (["trades.csv", "--speed", "fast"], "--speed 'fast' is neither max nor a number above 0"),
        (["trades.csv", "--speed", "-1"], "--speed '-1'"),
        (["trades.csv", "--disturb", "dup"], "--disturb 'dup' is no NAME=NUMBER"),
        (["trades.csv", "--disturb", "dup=2"], "a share is between 0 and 1"),
        (["trades.csv", "--disturb", "loss=0.1"], "--disturb 'loss' is not known; known: dup, reorder, delay, delay_s"),
        (["trades.csv", "--disturb", "delay=0.1,delay_seconds=0"], "a delay is above 0 and at most 3600 seconds"),
        (["nowhere.csv"], "nowhere.csv: no such file"),
        (["--candles", "nowhere.csv"], "nowhere.csv: no such file"),
        (["frames.jsonl"], "no trade of BTCUSDT in frames.jsonl; symbols found: ETHUSDT"),
        (["trades.csv", "--out", "trades.csv"], "--out trades.csv"),
        (["trades.csv", "--settings", "absent.toml"], "settings file not found: absent.toml"),
    ],
)
@pytest.mark.usefixtures("trades")
def test_a_mistake_is_one_clear_line_and_leaves_nothing_behind(tmp_path, capsys, arguments, words):
    (tmp_path / "frames.jsonl").write_text(
        '{"topic":"publicTrade.ETHUSDT","type":"snapshot","ts":1747612836880,"data":[{"T":1747612836878,'
        '"s":"ETHUSDT","S":"Buy","v":"1","p":"64","i":"a","BT":false}]}\n'
    )
    before = sorted(tmp_path.iterdir())
    assert main(["replay", "--symbol", "BTCUSDT", "--out", "out", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert words in captured.err
    assert sorted(tmp_path.iterdir()) == before
