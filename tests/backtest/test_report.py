"""The report: one page that needs nothing else, and says what it shows and what it does not."""

import re
from html import escape

from shared.backtest.account import Costs, Limits
from shared.backtest.numeric_strategy import numeric
from shared.backtest.report import NOT_SIMULATED, SIMULATED, Evidence, page
from shared.backtest.report_tables import TOO_FEW
from shared.backtest.run import run
from tests.backtest.markets import arrays, busy_walk

COSTS, LIMITS = Costs(0.0006, 0.0002), Limits(0.005, 0.02)
STRATEGY = numeric("rsi_divergence", {"oversold": 40, "overbought": 60, "take_profit_pct": 1.0})


def test_the_page_is_whole_by_itself():
    shown = page(run([busy_walk()], STRATEGY, COSTS, LIMITS), COSTS, LIMITS, [Evidence("Best 1", b"\x89PNG")])
    assert re.findall(r'(?:src|href|url)=?["(](?!data:)', shown) == []
    assert "http" not in shown
    assert '<img alt="Best 1" src="data:image/png;base64,iVBORw==">' in shown
    for heading in (
        "Equity",
        "Drawdown",
        "Results per trade, net",
        "By symbol",
        "By hour of entry",
        "By month of entry",
    ):
        assert f"<h2>{heading}" in shown
    assert all(escape(line) in shown for line in (*SIMULATED, *NOT_SIMULATED))


def test_few_trades_are_no_claim():
    shown = page(run([arrays([100.0] * 20)], STRATEGY, COSTS, LIMITS), COSTS, LIMITS)
    assert shown.count(escape(TOO_FEW)) == 4
    assert "no trade" in shown
