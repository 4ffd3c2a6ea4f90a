"""Instruments: how a compact symbol is written for people."""

import pytest

from shared.domain.instrument import Instrument


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [
        ("BTCUSDT", "BTC/USDT"),
        ("1000PEPEUSDT", "1000PEPE/USDT"),
        ("BTCUSD", "BTC/USD"),
        ("ETHBTC", "ETH/BTC"),
        ("SOLUSDC", "SOL/USDC"),
        ("BTCFDUSD", "BTC/FDUSD"),  # not BTCFD/USD
        ("SUSDT", "S/USDT"),
        ("USDTTRY", "USDT/TRY"),
        ("USDT", "USDT"),
        ("BTCPERP", "BTCPERP"),
        ("", ""),
    ],
)
def test_a_symbol_is_split_at_its_quote_asset(symbol, pair):
    assert Instrument("bybit-linear", symbol).pair == pair


def test_the_same_symbol_at_two_venues_is_two_instruments():
    assert len({Instrument("bybit-linear", "BTCUSDT"), Instrument("bybit-spot", "BTCUSDT")}) == 2


def test_instruments_sort_by_venue_and_symbol():
    first, second, third = Instrument("a", "ETHUSDT"), Instrument("b", "ADAUSDT"), Instrument("b", "BTCUSDT")
    assert sorted([third, first, second]) == [first, second, third]
