"""A run over markets: every result with its place in the account."""

from dataclasses import replace

import pytest

from shared.backtest.account import Costs, Limits
from shared.backtest.numeric_strategy import numeric
from shared.backtest.positions import closed_positions
from shared.backtest.run import run, warm
from shared.domain.timeframe import Timeframe
from shared.engine.statistics import net_pct, record
from shared.errors import InvalidInput
from tests.backtest.markets import arrays, busy_walk

COSTS, LIMITS = Costs(0.0006, 0.0002), Limits(0.005, 0.02)
STRATEGY = numeric("rsi_divergence", {"oversold": 40, "overbought": 60, "take_profit_pct": 1.0})


def test_results_are_the_positions_net_of_costs_in_order_of_their_exits():
    markets = [busy_walk(symbol="BTCUSDT"), busy_walk(seed=4, symbol="ETHUSDT")]
    done = run(markets, STRATEGY, COSTS, LIMITS)
    alone = [position for market in markets for position in closed_positions(market, STRATEGY)]
    assert len(alone) > 30
    assert {result.position.signal_id for result in done.results} == {position.signal_id for position in alone}
    assert [r.position.exit_time for r in done.results] == sorted(r.position.exit_time for r in done.results)
    assert all(result.net_pct == net_pct(result.position.gain_pct, *COSTS) for result in done.results)
    assert done.record == record([result.net_pct for result in done.results])
    earned = sum(result.size * result.net_pct / 100 for result in done.results)
    assert done.account.equity[-1] == pytest.approx(1 + earned, abs=1e-12)
    assert done.bars == 12_000


def test_without_a_trade_there_is_an_account_and_no_claim():
    done = run([arrays([100.0] * 10)], STRATEGY, COSTS, LIMITS)
    assert done.results == []
    assert done.account.equity.tolist() == [1.0] * 10
    assert not done.record.is_meaningful


def test_candles_of_two_lengths_cannot_share_an_account():
    other = replace(arrays([100.0] * 10), timeframe=Timeframe.M5)
    with pytest.raises(InvalidInput, match="1m and 5m"):
        run([arrays([100.0] * 10), other], STRATEGY, COSTS, LIMITS)


def test_warming_works_with_any_number_of_candles():
    warm(arrays([100.0]), STRATEGY, COSTS, LIMITS)
