"""Evidence of single trades: the record that the live strategy writes, from candles that were arrays."""

from services.cli.parts.backtest_charts import candle_at, chart, draw
from shared.adapters import loader
from shared.backtest.account import Costs, Limits
from shared.backtest.numeric_strategy import numeric
from shared.backtest.run import run
from shared.errors import ConfigurationError
from tests.backtest.markets import arrays, busy_walk

MARKET = busy_walk(3_000)
STRATEGY = numeric("rsi_divergence", {"oversold": 40, "overbought": 60, "take_profit_pct": 1.0})
DONE = run([MARKET], STRATEGY, Costs(0.0006, 0.0002), Limits(0.005, 0.02))


def test_the_live_strategy_says_why_of_every_entry():
    for result in DONE.results:
        spec = chart(result, MARKET, DONE)
        assert spec.price_divergence, "the two pivots of the decision record"
        assert len(spec.rsi) > 50
        assert spec.entry.value == result.position.entry_price
        assert spec.exit.value == result.position.exit_price


def test_a_candle_has_the_decimals_of_its_file():
    assert str(candle_at(arrays([0.1, 64_010.55]), 1).close) == "64010.55"


def test_where_nothing_can_be_drawn_the_report_is_told_why(monkeypatch):
    def missing(kind, name):
        raise ConfigurationError(f"{kind} {name} needs: pip install")

    monkeypatch.setattr(loader, "load", missing)
    assert draw(DONE, {"BTCUSDT": MARKET}, 1, lambda: None) == ([], "charts mplfinance needs: pip install")
    assert draw(DONE, {"BTCUSDT": MARKET}, 0, lambda: None) == ([], "")
