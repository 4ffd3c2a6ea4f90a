"""The whole platform by one command: ``tracker demo`` as people and scripts run it, as a real process."""

import json
import urllib.request
from decimal import Decimal
from functools import partial

from services.cli.parts.stage import MARKET_START
from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.klines import Klines
from shared.domain.book import Book, BookKey
from shared.domain.signal import SignalKind
from shared.domain.timeframe import Timeframe
from shared.engine.strategy_runner import StrategyRunner
from shared.strategies import rsi_divergence
from tests.flows.processes import running, tracker
from tests.makers import MINUTE, make_candle

MINUTES = 30
SEED = 7
SPEED = 240  # at 600 a delay of 75 ms is 45 s of market time, more than the closing of the market leaves room for
WARM_UP = 1_000
PRICES = ("open", "high", "low", "close", "quantity", "turnover")


async def expected_signals():
    """Kinds of the signals the market holds: the strategy over the exchange's own candles, without any service."""
    market = GeneratedMarket(seed=SEED, start=MARKET_START)
    end = MARKET_START + MINUTES * MINUTE
    kinds = []
    for symbol in market.listings:
        starts = range(MARKET_START - WARM_UP * MINUTE, end, MINUTE)
        rows = await Klines(market).rows(symbol, MINUTE, starts, end)
        candles = [
            make_candle(int(row[0]), symbol=symbol, **dict(zip(PRICES, map(Decimal, row[1:]), strict=True)))
            for row in rows
        ]
        runner = StrategyRunner(partial(rsi_divergence.create, {}), Timeframe.M1, 5, MARKET_START)
        book = runner.advance(Book(BookKey("rsi_divergence", "x", symbol)), candles).book
        kinds += [line.kind for line in book.unpublished]
    return kinds


async def test_a_demo_ends_by_itself_and_counts_what_the_market_held(tmp_path):
    done = tracker(tmp_path, "demo", "--minutes", MINUTES, "--speed", SPEED, "--seed", SEED, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    counts = json.loads(done.stdout)
    expected = await expected_signals()
    entries, exits = expected.count(SignalKind.ENTRY), expected.count(SignalKind.EXIT)
    assert entries > exits > 0, "the market of this seed shows nothing; choose another one"
    assert (counts["entries"], counts["messages_sent"]) == (entries, entries)
    assert (counts["exits"], counts["messages_edited"]) == (exits, exits)
    assert counts["charts"] == min(entries, 3)
    assert (counts["symbols"], counts["market_minutes"]) == (9, MINUTES)
    assert (counts["candles"], counts["incomplete"]) == (9 * MINUTES, 0)
    assert counts["trades"] > 9 * MINUTES
    assert MINUTES * 60 / SPEED < counts["wall_seconds"] < 60
    for page in ("channel: http://127.0.0.1:", "health:  http://127.0.0.1:"):
        assert done.stderr.count(page) == 1
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_a_demo_cleanly(tmp_path):
    with running(tmp_path, "demo") as demo:
        demo.wait_for(lambda: demo.address("health:"))
        health = demo.address("health:")
        demo.wait_for(lambda: status(health) == "ok")
        code, seconds = demo.interrupt()
        assert (code, seconds < 8) == (0, True)
        assert "Traceback" not in demo.stderr


def status(health):
    with urllib.request.urlopen(f"{health}/health", timeout=5) as answer:  # noqa: S310 - an address of our own
        return json.load(answer)["status"]


def test_a_demo_leaves_the_operators_folder_alone(tmp_path):
    paths = '[sqlite_store]\npath = "mine.sqlite"\n[sqlite_bus]\npath = "mine.sqlite"\n'
    (tmp_path / "tracker.toml").write_text(f'store = "nowhere"\n{paths}')
    done = tracker(
        tmp_path, "demo", "--minutes", 1, "--speed", SPEED, "--json", TRACKER__DATA_DIR=str(tmp_path / "var")
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tracker.toml"]
