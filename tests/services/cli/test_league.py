"""The league over a real store, and its table from lines made by hand."""

import asyncio
import json

import pytest

from services.cli.league import standings
from services.cli.main import main
from shared.adapters.clock.system import SystemClock
from shared.adapters.stores import sqlite
from shared.domain.book import Book, BookKey
from shared.domain.signal import SignalKind
from shared.engine.statistics import net_pct, record
from tests.makers import EXCHANGE, MINUTE, START, make_signal

SHADOW = "rsi_divergence@tight"


def positions(strategy, *gains, symbol="BTCUSDT"):
    """Lines of ended positions with these gains in percent, one after the other; None leaves the last one open."""
    lines = []
    for number, gain in enumerate(gains):
        place = {"strategy": strategy, "symbol": symbol, "open_time": START + number * 60 * MINUTE}
        lines.append(make_signal(**place))
        if gain is not None:
            lines.append(make_signal(SignalKind.EXIT, revision=1, pnl_pct=gain, **place))
    return lines


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder whose store holds 40 positions of the strategy and three, one of them open, of a shadow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKER__STORE", "sqlite")
    monkeypatch.setenv("TRACKER__SHADOWS__WIDE__STRATEGY", "rsi_threshold")
    (tmp_path / "var").mkdir()

    async def fill():
        store = sqlite.create(sqlite.Options(path=tmp_path / "var" / "sqlite_store.sqlite"), SystemClock())
        told = [*positions("rsi_divergence", *[1.5, -0.7] * 15), *positions("rsi_divergence", *[1.5] * 10, symbol="E")]
        await store.commit([Book(BookKey("rsi_divergence", EXCHANGE, "BTCUSDT"), unpublished=tuple(told))])
        shadow = positions(SHADOW, 1.5, 1.5, None)
        await store.commit([Book(BookKey(SHADOW, EXCHANGE, "BTCUSDT"), unpublished=tuple(shadow))])
        await store.close()

    asyncio.run(fill())


def test_results_are_net_of_costs_and_a_repeated_line_counts_once():
    lines = positions("s", 1.5, -0.7, None)
    (row,) = standings([*lines, *lines], [], 0.0006, 0.0002)
    assert row == ("s", 1, record([net_pct(1.5, 0.0006, 0.0002), net_pct(-0.7, 0.0006, 0.0002)]))


def test_every_strategy_and_shadow_has_a_row_in_the_order_of_the_names():
    rows = standings(positions(SHADOW, 1.5), ["rsi_threshold", "rsi_divergence"], 0.0, 0.0)
    assert [(name, found.count) for name, _, found in rows] == [
        ("rsi_divergence", 0),
        (SHADOW, 1),
        ("rsi_threshold", 0),
    ]


@pytest.mark.usefixtures("home")
def test_the_table_claims_nothing_where_there_are_too_few(capsys):
    assert main(["league"]) == 0
    told, shadow, wide = capsys.readouterr().out.splitlines()[1:4]
    assert "62.5 % [47.0, 75.8]" in told
    assert "not meaningful" not in told
    assert shadow.split()[:3] == [SHADOW, "2", "1"]
    assert shadow.endswith("n < 30: not meaningful")
    assert "%" not in shadow
    assert wide.split()[:3] == ["rsi_threshold@wide", "0", "0"]


@pytest.mark.usefixtures("home")
def test_for_programs_every_figure_and_the_account_without_shadows(capsys):
    assert main(["league", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    told, shadow, _ = printed["league"]
    assert (told["count"], told["meaningful"], told["shadow"]) == (40, True, False)
    assert told["win_rate"]["value"] == pytest.approx(25 / 40)
    assert told["expectancy_pct"]["low"] < told["expectancy_pct"]["value"] < told["expectancy_pct"]["high"]
    assert (shadow["meaningful"], shadow["shadow"], shadow["open"]) == (False, True, 1)
    assert printed["paper"]["signals"] == 40
    assert printed["paper"]["equity"] > 10_000


@pytest.mark.usefixtures("home")
def test_one_symbol_alone(capsys):
    assert main(["league", "--symbol", "e", "--json"]) == 0
    told, *_ = json.loads(capsys.readouterr().out)["league"]
    assert (told["strategy"], told["count"]) == ("rsi_divergence", 10)
