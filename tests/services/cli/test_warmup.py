"""``tracker warmup``: the measured depth of each indicator, and that each strategy waits for long enough."""

import json
from itertools import chain, repeat

import pytest

from services.cli import warmup
from services.cli.main import main
from services.cli.warmup import Indicator, longest_stretch, needed
from shared.adapters.candle_files.csv import write
from shared.backtest.candle_arrays import to_arrays
from shared.errors import InvalidInput
from tests.makers import recorded
from tests.strategies.markets import walk

BARS = [(2.0, 1.0, 1.5)] * 6_500


def fading(bars):
    """Half of the start's weight is gone with each candle."""
    error = 1.0
    for _ in bars:
        yield 50.0 + error
        error /= 2.0


def test_a_value_that_halves_its_error_needs_as_many_candles_as_halvings():
    assert needed(Indicator("fading", fading, is_share=False), BARS) == [11, 21, 31]  # 2**-10 < 1e-3 < 2**-9


def test_shares_are_of_the_value():
    assert needed(Indicator("fading", fading, is_share=True), BARS) == [6, 16, 26]  # 1/50 of it


def test_a_value_that_never_forgets_is_said_not_to():
    counting = Indicator("count", lambda bars: (float(n) for n, _ in enumerate(bars)), is_share=False)
    assert needed(counting, BARS) == [None, None, None]


def test_candles_without_a_value_count_as_needed():
    late = Indicator("late", lambda bars: chain(repeat(float("nan"), 9), repeat(3.0, len(bars) - 9)), is_share=True)
    assert needed(late, BARS) == [10, 10, 10]


def test_the_table_of_a_recorded_month(capsys):
    path = recorded("candles", "binance_spot_BTCUSDT_1m_2025-03-01_2025-04-01.csv.gz")
    assert main(["warmup", str(path), "--symbol", "BTCUSDT", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["sma 20"] == {"name": "sma 20", "to 1e-03": 20, "to 1e-06": 20, "to 1e-09": 20, "unit": "share"}
    for name in ("rsi 14", "atr 14", "adx 14", "ema 50", "rsi_divergence", "rsi_threshold"):
        assert 0 < rows[name]["to 1e-03"] < rows[name]["to 1e-06"] < rows[name]["to 1e-09"] < 1_000
    assert all(rows[name]["to 1e-03"] <= rows[name]["declared"] for name in ("rsi_divergence", "rsi_threshold"))


def test_too_short_a_history_is_refused(tmp_path):
    write(tmp_path / "candles.csv", walk(1, 300))
    with pytest.raises(InvalidInput, match=r"has 299 candles; give 6000"):
        longest_stretch(to_arrays(walk(1, 400)[101:]))
    assert main(["warmup", str(tmp_path / "candles.csv"), "--symbol", "BTCUSDT"]) == 2


def test_the_longest_stretch_without_a_hole_is_measured_on(monkeypatch):
    monkeypatch.setattr(warmup, "_HORIZON", 100)
    candles = walk(1, 700)
    assert len(longest_stretch(to_arrays(candles[:200] + candles[300:]))) == 400
