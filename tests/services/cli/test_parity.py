"""``tracker parity``: 0 where live and backtest agree, 1 with the difference named where they do not."""

import json
from dataclasses import replace

import pytest

from services.cli import parity
from services.cli.main import main
from services.cli.parity import differences
from shared.adapters.candle_files.csv import write
from shared.backtest.candle_arrays import to_arrays
from shared.backtest.numeric_strategy import numeric
from shared.backtest.positions import Positions, positions
from shared.domain.signal import ExitReason
from tests.backtest.rough_markets import EAGER, rough
from tests.makers import recorded

_SET = [text for name, value in EAGER.items() for text in ("--set", f"{name}={value}")]


@pytest.fixture
def file(tmp_path):
    """A rough market: holes, an incomplete candle, minutes without trades."""
    candles = rough(12, 1_500)
    candles[700] = replace(candles[700], complete=False)
    path = tmp_path / "candles.csv"
    write(path, [*candles[:900], *candles[905:]])
    return path


def test_live_and_backtest_agree_on_a_rough_market(file, capsys):
    assert main(["parity", str(file), "--symbol", "BTCUSDT", *_SET, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["signals"] > 10
    assert said["stretches"] >= 4
    assert (said["differing"], said["differences"]) == (0, [])


def test_they_agree_on_a_recorded_file_with_676_holes(capsys):
    path = recorded("candles", "freqtrade_binance_XRPETH_1m.csv.gz")
    assert main(["parity", str(path), "--symbol", "XRPETH", *_SET, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stretches"] == 677


def test_a_difference_is_named_and_ends_with_1(file, monkeypatch, capsys):
    def wrong(candles, strategy):
        closed, open_ = positions(candles, strategy)
        return Positions([*closed[:-1], replace(closed[-1], reason=ExitReason.TIME_STOP, exit_price=1.0)], open_)

    monkeypatch.setattr(parity, "positions", wrong)
    assert main(["parity", str(file), "--symbol", "BTCUSDT", *_SET]) == 1
    said = capsys.readouterr().out
    assert "1 differing" in said
    assert "backtest 1.0" in said
    assert "backtest time_stop" in said


def test_a_position_that_only_one_has_is_named():
    taken = positions(to_arrays(rough(12, 900)), numeric("rsi_threshold", EAGER))
    first, *others = taken.closed
    fewer = Positions(others, taken.open)
    assert differences(taken, fewer) == [f"{first.signal_id}: only live has it"]
    assert differences(fewer, taken) == [f"{first.signal_id}: only the backtest has it"]
    assert differences(taken, taken) == []


def test_a_position_that_only_one_has_closed_is_named():
    taken = positions(to_arrays(rough(12, 900)), numeric("rsi_threshold", EAGER))
    last = taken.closed[-1]
    names = ("signal_id", "symbol", "side", "opened_at", "entry_time", "entry_price", "take_profit", "stop_loss")
    is_open = Positions(taken.closed[:-1], parity.Opening(*(getattr(last, name) for name in names)))
    closed = Positions(taken.closed, None)
    (line,) = differences(is_open, closed)
    assert f"exit_price: live open, backtest {last.exit_price}" in line
