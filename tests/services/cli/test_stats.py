"""The command over a real store: figures where there are enough positions, and no claim where there are not."""

import asyncio
import json

import pytest

from services.cli.main import main
from shared.adapters.clock.system import SystemClock
from shared.adapters.stores import sqlite
from shared.domain.book import Book, BookKey
from shared.domain.signal import SignalKind
from tests.makers import EXCHANGE, MINUTE, START, make_signal


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with settings for a SQLite store in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKER__STORE", "sqlite")
    (tmp_path / "var").mkdir()
    return tmp_path


async def fill(home, gains, symbol="BTCUSDT", strategy="rsi_divergence"):
    """One closed position for each gain (percent)."""
    store = sqlite.create(sqlite.Options(path=home / "var" / "sqlite_store.sqlite"), SystemClock())
    lines = []
    for number, gain in enumerate(gains):
        open_time = START + number * 20 * MINUTE
        about = {"symbol": symbol, "strategy": strategy}
        lines.append(make_signal(open_time=open_time, **about))
        lines.append(make_signal(SignalKind.EXIT, open_time, revision=1, pnl_pct=gain, **about))
    await store.commit([Book(BookKey(strategy, EXCHANGE, symbol), unpublished=tuple(lines))])
    await store.close()


def printed(capsys, *arguments):
    code = main(["stats", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_enough_positions_are_told_with_intervals(home, capsys):
    asyncio.run(fill(home, [1.5] * 20 + [-0.7] * 20))
    code, out, _ = printed(capsys, "--json", "--fee", "0", "--slippage", "0")
    total = json.loads(out)["total"]
    assert code == 0
    assert (total["n"], total["wins"], total["losses"], total["break_evens"]) == (40, 20, 20, 0)
    assert total["win_rate"]["value"] == 0.5
    assert total["win_rate"]["low"] == pytest.approx(0.352, abs=0.001)
    assert total["expectancy_pct"]["value"] == pytest.approx(0.4)
    assert total["profit_factor"]["value"] == pytest.approx(15 / 7)
    assert total["max_drawdown"] == pytest.approx(1 - 0.993**20)
    assert total["mean_duration"] == 5 * MINUTE


def test_few_positions_claim_nothing(home, capsys):
    asyncio.run(fill(home, [1.5] * 29))
    _, out, _ = printed(capsys)
    assert "n < 30: not meaningful" in out
    assert "100" not in out
    _, out, _ = printed(capsys, "--json")
    total = json.loads(out)["total"]
    assert (total["n"], total["wins"], total["meaningful"]) == (29, 29, False)
    assert [total[name] for name in ("win_rate", "expectancy_pct", "profit_factor", "max_drawdown")] == [None] * 4


def test_groups_stand_above_the_total_and_a_missing_loss_is_valid_json(home, capsys):
    asyncio.run(fill(home, [1.5] * 30))
    asyncio.run(fill(home, [-0.7], "ETHUSDT"))
    _, out, _ = printed(capsys, "--by", "symbol", "--json")
    shown = json.loads(out, parse_constant=pytest.fail)
    assert [(group["name"], group["n"]) for group in shown["groups"]] == [("BTCUSDT", 30), ("ETHUSDT", 1)]
    assert shown["groups"][0]["profit_factor"]["value"] is None
    _, out, _ = printed(capsys, "--by", "symbol")
    assert [line.split()[0] for line in out.splitlines()[1:4]] == ["BTCUSDT", "ETHUSDT", "all"]


def test_a_choice_narrows_and_a_typo_gets_its_cure(home, capsys):
    asyncio.run(fill(home, [1.5]))
    asyncio.run(fill(home, [-0.7], "ETHUSDT"))
    _, out, _ = printed(capsys, "--symbol", "ethusdt", "--strategy", "rsi_divergence", "--json")
    assert json.loads(out)["total"]["losses"] == 1
    code, out, err = printed(capsys, "--symbol", "BTCUSD")
    assert (code, out) == (2, "")
    assert "no signal of symbol 'BTCUSD'; did you mean 'BTCUSDT'?" in err


def test_costs_are_those_of_the_paper_account_unless_others_are_named(home, capsys, monkeypatch):
    asyncio.run(fill(home, [0.1]))
    assert json.loads(printed(capsys, "--json")[1])["total"]["losses"] == 1
    monkeypatch.setenv("TRACKER__PAPER__FEE", "0")
    monkeypatch.setenv("TRACKER__PAPER__SLIPPAGE", "0")
    assert json.loads(printed(capsys, "--json")[1])["total"]["wins"] == 1
    assert json.loads(printed(capsys, "--json", "--fee", "0.01")[1])["total"]["losses"] == 1


def test_a_shadow_is_counted_only_when_it_is_named(home, capsys):
    asyncio.run(fill(home, [1.5]))
    asyncio.run(fill(home, [1.5] * 3, strategy="rsi_divergence@tight"))
    assert json.loads(printed(capsys, "--json")[1])["total"]["n"] == 1
    assert json.loads(printed(capsys, "--json", "--strategy", "rsi_divergence@tight")[1])["total"]["n"] == 3


@pytest.mark.usefixtures("home")
def test_an_empty_ledger_is_no_fault(capsys):
    assert printed(capsys)[:2] == (0, "no closed position yet\n")
