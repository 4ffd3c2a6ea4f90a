"""The command over a real store that the engine has filled."""

import asyncio
import json

import pytest

from services.cli.main import main
from services.logic_engine.near_miss_log import COLLECTION
from shared.adapters.clock.system import SystemClock
from shared.adapters.stores import sqlite
from shared.domain.book import Book, BookKey
from shared.domain.near_miss import NearMiss, Refusal
from shared.domain.signal import Side, SignalKind
from shared.domain.timeframe import Timeframe
from shared.engine.strategy_runner import StrategyRunner
from shared.messages.codec import to_json
from shared.ports import Document
from shared.strategies import rsi_threshold
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL
from tests.strategies.markets import walk

EAGER = {"oversold": 42.0, "overbought": 58.0, "volume_factor": 0.8}
CANDLES = walk(3, 900)
NEWEST = CANDLES[-1].open_time

pytestmark = pytest.mark.usefixtures("home")


def make():
    return rsi_threshold.create(EAGER)


@pytest.fixture(scope="module")
def lines():
    """What the engine says about the candles."""
    return StrategyRunner(make, Timeframe.M1, 5).advance(Book(BookKey("rsi_threshold", EXCHANGE, SYMBOL)), CANDLES).book


@pytest.fixture
def home(tmp_path, monkeypatch, lines):
    """A folder with a filled SQLite store and the settings for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKER__STORE", "sqlite")
    monkeypatch.setenv("TRACKER__LOGIC_ENGINE__STRATEGIES", "rsi_threshold")
    for name, value in EAGER.items():
        monkeypatch.setenv(f"TRACKER__STRATEGIES__RSI_THRESHOLD__{name.upper()}", str(value))
    (tmp_path / "var").mkdir()
    asyncio.run(fill(tmp_path, lines))
    return tmp_path


async def fill(home, book):
    store = sqlite.create(sqlite.Options(path=home / "var" / "sqlite_store.sqlite"), SystemClock())
    await store.write(CANDLES)
    await store.commit([book])
    miss = NearMiss(
        "rsi_threshold",
        EXCHANGE,
        SYMBOL,
        Side.LONG,
        NEWEST,
        NEWEST + MINUTE,
        1.0,
        2.0,
        0.5,
        Refusal.MACRO,
        "bearish",
        {},
    )
    await store.save_document(Document(COLLECTION, miss.key, to_json(miss)))
    await store.close()


def asked(capsys, *arguments):
    assert main(["why", SYMBOL, *arguments, "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["answers"]
    return answer


def test_the_newest_candle_is_explained_gate_by_gate(capsys):
    answer = asked(capsys)
    assert (answer["open_time"], answer["entry"], answer["strategy"]) == (NEWEST, False, "rsi_threshold")
    assert [side["side"] for side in answer["sides"]] == ["LONG", "SHORT"]
    assert [gate["name"] for gate in answer["sides"][0]["gates"]] == ["rsi", "rsi_before", "volume_ratio"]
    assert [gate["name"] for gate in answer["book"]] == ["complete", "warm_up", "flat", "protections", "macro"]
    main(["why", SYMBOL])
    text = capsys.readouterr().out
    assert "no entry" in text
    assert "volume_ratio" in text


def test_a_signal_shows_its_decision_record(capsys, lines):
    entry = next(line for line in lines.unpublished if line.kind is SignalKind.ENTRY)
    time = entry.open_time + 20_000  # any time within the candle
    answer = asked(capsys, str(time))
    assert (answer["signal_id"], answer["entry"]) == (entry.signal_id, True)
    assert answer["decision"]["why"] == entry.decision["why"]
    main(["why", SYMBOL, str(time)])
    assert entry.decision["why"] in capsys.readouterr().out


def test_a_time_may_be_iso(capsys):
    assert asked(capsys, "2026-01-01T10:00Z")["open_time"] == START + 600 * MINUTE


def test_near_misses_of_the_last_candles_are_listed(capsys, lines):
    misses = asked(capsys, "--last", "300")["near_misses"]
    assert misses
    entries = {line.open_time for line in lines.unpublished if line.kind is SignalKind.ENTRY}
    assert all(miss["open_time"] > NEWEST - 300 * MINUTE and miss["open_time"] not in entries for miss in misses)
    assert {miss["name"] for miss in misses} >= {"rsi_before", "volume_ratio", "flat"}
    assert len(asked(capsys, "--last", "600")["near_misses"]) > len(misses)
    main(["why", SYMBOL, "--last", "300"])
    assert f"{len(misses)} near misses" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (["BTCUSD"], "did you mean 'BTCUSDT'?"),
        (["BTCUSDT", "yesterday"], "'yesterday' is no time; give 2026-05-01T12:34Z"),
        (["BTCUSDT", "2026-03-01T12:34Z"], "at 2026-03-01 12:34 UTC in the store; the newest is of 2026-01-01 14:59"),
        (["BTCUSDT", "--strategy", "rsi_treshold"], "did you mean 'rsi_threshold'?"),
        (["BTCUSDT", "2026-01-01T10:00Z", "--last", "5"], "leave one out"),
    ],
)
def test_a_wrong_question_gets_one_line_with_the_cure(capsys, arguments, cure):
    assert main(["why", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert cure in err
    assert len(err.splitlines()) == 1
