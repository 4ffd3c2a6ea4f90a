"""The figures that are printed: with intervals, or not at all."""

import json
from math import inf

from services.cli.parts.backtest_summary import interval_json, summary, summary_text
from shared.backtest.account import Costs, Limits
from shared.backtest.numeric_strategy import numeric
from shared.backtest.run import run
from shared.engine.statistics import Interval
from tests.backtest.markets import arrays, busy_walk

COSTS, LIMITS = Costs(0.0006, 0.0002), Limits(0.005, 0.02)
STRATEGY = numeric("rsi_divergence", {"oversold": 40, "overbought": 60, "take_profit_pct": 1.0})


def test_infinity_is_no_json():
    assert interval_json(Interval(inf, 1.0, inf)) == {"value": None, "low": 1.0, "high": None}
    assert interval_json(None) is None


def test_the_figures_are_those_of_the_run():
    done = run([busy_walk()], STRATEGY, COSTS, LIMITS)
    found = summary(done, ["BTCUSDT"], COSTS, LIMITS, 0.001)
    assert json.loads(json.dumps(found)) == found
    assert found["bars_per_second"] == 6_000_000
    assert found["trades"] == len(done.results) == found["wins"] + found["losses"] + found["break_evens"]
    assert found["end"] - found["start"] == 6_000 * 60_000
    shown = summary_text(found | {"out": "folder"})
    assert f"{found['win_rate']['value']:.1%} (" in shown
    assert "not meaningful" not in shown


def test_few_trades_are_no_claim():
    found = summary(run([arrays([100.0] * 9)], STRATEGY, COSTS, LIMITS), ["BTCUSDT"], COSTS, LIMITS, 0.001)
    assert found["win_rate"] is found["expectancy_pct"] is None
    assert summary_text(found | {"out": "folder"}).count("n < 30: not meaningful") == 4
