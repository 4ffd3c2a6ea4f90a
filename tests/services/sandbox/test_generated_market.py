import importlib.util
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.market import MINUTE, summarise
from shared.errors import InvalidInput
from tests.makers import START

_SPEC = importlib.util.spec_from_file_location("divergence_rule", Path(__file__).with_name("divergence_rule.py"))
rule = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(rule)

DEFAULT_SEED = 7


def market(**fields):
    return GeneratedMarket(**{"seed": DEFAULT_SEED, "start": START, "history": 120, **fields})


@pytest.mark.parametrize("step", [1_000, 7_919, 60_000, 200_000])
@pytest.mark.parametrize("symbol", ["BTCUSDT", "SEIUSDT"])
def test_trades_do_not_depend_on_how_they_are_asked_for(symbol, step):
    start, end = START - 3 * MINUTE, START + 4 * MINUTE
    whole = market().trades(symbol, start, end)
    piecewise = market()
    piecewise.minute(symbol, START + 90 * MINUTE)  # a look ahead changes nothing
    pieces = [trade for at in range(start, end, step) for trade in piecewise.trades(symbol, at, min(at + step, end))]
    assert pieces == whole
    assert len(whole) > 5


def test_a_seed_names_a_market_and_another_seed_another():
    span = ("ETHUSDT", START, START + MINUTE)
    assert market().trades(*span) == market().trades(*span)
    assert market(seed=8).trades(*span) != market().trades(*span)


def test_the_order_of_trades_is_total_and_ids_are_unique():
    trades = market().trades("BTCUSDT", START, START + 20 * MINUTE)
    keys = [(trade.event_time, trade.sequence, trade.ordinal) for trade in trades]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys) == len({trade.trade_id for trade in trades})


def test_one_order_fills_in_parts_that_share_time_sequence_and_side():
    sizes = Counter()
    for trade in market().trades("BTCUSDT", START, START + 20 * MINUTE):
        sizes[trade.event_time, trade.sequence, trade.aggressor_side] += 1
    assert len(sizes) == len({key[:2] for key in sizes})
    assert max(sizes.values()) <= 50
    assert 2.0 < sum(sizes.values()) / len(sizes) < 3.0


def test_prices_and_quantities_lie_on_the_steps_of_the_listing():
    subject = market()
    for symbol, listing in subject.listings.items():
        for trade in subject.trades(symbol, START, START + 2 * MINUTE):
            assert trade.price % listing.tick == 0 < trade.price
            assert trade.quantity % listing.step == 0 < trade.quantity


def test_thin_symbols_have_empty_minutes_and_the_whole_market_its_wanted_activity():
    subject = market(history=1)
    minutes = range(START, START + 240 * MINUTE, MINUTE)
    assert sum(subject.minute("SEIUSDT", minute) is None for minute in minutes) >= 5
    counts = [len(subject.trades(symbol, START, START + 240 * MINUTE)) for symbol in subject.listings]
    assert 20 < sum(counts) / (240 * 60) < 45


def test_a_minute_equals_the_summary_of_its_trades_without_block_trades():
    subject = market(activity=400.0)
    seen_block = False
    for minute in range(START, START + 8 * MINUTE, MINUTE):
        trades = subject.trades("BTCUSDT", minute, minute + MINUTE)
        seen_block = seen_block or any(trade.is_block for trade in trades)
        assert subject.minute("BTCUSDT", minute) == summarise(trades)
        assert subject.minute("BTCUSDT", minute).turnover == sum(
            (trade.price * trade.quantity for trade in trades if not trade.is_block), Decimal(0)
        )
    assert seen_block


@pytest.mark.parametrize("fields", [{"symbols": ()}, {"symbols": ("A", "A")}, {"history": 0}, {"activity": 0}])
def test_nonsense_is_refused(fields):
    with pytest.raises(InvalidInput):
        market(**fields)


def signals(seed):
    subject = GeneratedMarket(seed=seed, start=START)
    found = []
    for symbol in subject.listings:
        bars, close = [], None
        for minute in range(START - 300 * MINUTE, START + 240 * MINUTE, MINUTE):
            traded = subject.minute(symbol, minute)
            if traded is not None:
                low, high, last = (float(price) for price in (traded.low, traded.high, traded.close))
                close = last if close is None else close
                bars.append(rule.Bar(minute, max(high, close), min(low, close), last, float(traded.quantity)))
                close = last
            elif close is not None:
                bars.append(rule.Bar(minute, close, close, close, 0.0))
        found += [signal for signal in rule.find(bars) if signal.open_time >= START]
    return found


@pytest.mark.parametrize("seed", [DEFAULT_SEED, 1, 42])
def test_divergences_form_on_both_sides_and_resolve_both_ways(seed):
    found = signals(seed)
    assert 12 <= len(found) <= 60
    assert {signal.side for signal in found} == {"LONG", "SHORT"}
    outcomes = Counter(signal.outcome for signal in found)
    assert outcomes["take_profit"] >= 4
    assert outcomes["stop_loss"] >= 4
    assert min(signal.open_time for signal in found) < START + 20 * MINUTE
    assert sum(signal.open_time < START + 60 * MINUTE for signal in found) >= 3
