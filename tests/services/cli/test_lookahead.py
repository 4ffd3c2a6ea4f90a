"""``tracker lookahead``: an honest strategy passes; one that peeks at the next candle is caught."""

import json
from dataclasses import replace

import pytest

from services.cli import lookahead
from services.cli.lookahead import changes, drawn, first_of
from services.cli.main import main
from shared.adapters.candle_files.csv import write
from shared.backtest import positions as positions_module
from shared.backtest.candle_arrays import to_arrays
from shared.backtest.numeric_strategy import numeric
from tests.backtest.rough_markets import EAGER, EVERY_RULE, NAMES, plain, rough


@pytest.mark.parametrize("name", NAMES)
def test_no_strategy_knows_the_future(name):
    candles = to_arrays(rough(4, 900))
    assert list(changes(candles, numeric(name, EVERY_RULE), range(1, len(candles) + 1))) == []


def test_an_entry_that_waits_for_the_next_rsi_is_caught():
    honest = numeric("rsi_threshold", EAGER)

    def peek(rules, series, last):
        return honest.decide(rules, series, min(last + 1, len(series.rsis) - 1))

    def mark_all(_rules, _series, marks):
        marks[:] = True

    candles, cuts = to_arrays(rough(4, 600)), range(250, 600, 3)
    with plain():
        assert list(changes(candles, replace(honest, mark=mark_all), cuts)) == []
        found = list(changes(candles, replace(honest, decide=peek, mark=mark_all), cuts))
    assert found
    assert all("positions:" in line for line in found)


def test_an_indicator_that_is_centred_is_caught(monkeypatch):
    """The classic: a mean over the candles around instead of before."""
    indicate = positions_module.kernel.indicate

    def centred(stretch, rsi_period, atr_period):
        indicate(stretch, rsi_period, atr_period)
        rsis = stretch.series.rsis
        rsis[1:-1] = (rsis[:-2] + rsis[1:-1] + rsis[2:]) / 3.0

    monkeypatch.setattr(positions_module.kernel, "indicate", centred)
    with plain():
        found = list(changes(to_arrays(rough(4, 400)), numeric("rsi_threshold", EAGER), [300]))
    assert "rsi of" in found[0]
    assert "when the future was known" in found[0]


def test_what_is_left_stands_in_memory_of_its_own():
    whole = to_arrays(rough(4, 300))
    part = first_of(whole, 10)
    assert len(part) == 10
    assert part.closes.base is None
    assert part.closes.tolist() == whole.closes[:10].tolist()


def test_cuts_are_drawn_one_of_each_so_many_and_the_same_every_time():
    assert drawn(5, 1, 0) == [1, 2, 3, 4, 5]
    some = drawn(1_000, 50, 3)
    assert some == drawn(1_000, 50, 3) != drawn(1_000, 50, 4)
    assert [(cut - 1) // 50 for cut in some] == list(range(20))


def test_the_command_says_so_and_ends_with_0(tmp_path, capsys):
    write(tmp_path / "candles.csv", rough(4, 900))
    file = str(tmp_path / "candles.csv")
    assert main(["lookahead", file, "--symbol", "BTCUSDT", "--set", "oversold=40", "--every", "9", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["changed"], said["changes"]) == (0, [])
    assert said["cuts"] >= 99


def test_the_command_names_what_it_found_and_ends_with_1(tmp_path, capsys, monkeypatch):
    write(tmp_path / "candles.csv", rough(4, 300))
    monkeypatch.setattr(lookahead, "changes", lambda *_: iter(["cut after 1: rsi of 0 is 3, was 4"]))
    assert main(["lookahead", str(tmp_path / "candles.csv"), "--symbol", "BTCUSDT"]) == 1
    said = capsys.readouterr().out
    assert "PAST VALUES CHANGED" in said
    assert "rsi of 0" in said
