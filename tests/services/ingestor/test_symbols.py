"""Unknown symbols are named with what was probably meant."""

import pytest

from services.ingestor.symbols import describe, unknown_symbols

LISTED = {"BTCUSDT", "ETHUSDT", "BTCPERP", "1000PEPEUSDT"}


@pytest.mark.parametrize(
    ("wanted", "unknown"),
    [
        (["BTCUSDT", "ETHUSDT"], {}),
        (["BTCUSD"], {"BTCUSD": "BTCUSDT"}),
        (["btcusdt"], {"btcusdt": "BTCUSDT"}),
        (["PEPEUSDT"], {"PEPEUSDT": "1000PEPEUSDT"}),
        (["QQQQ", "ETHUSDT"], {"QQQQ": None}),
    ],
)
def test_a_symbol_that_is_not_listed_comes_with_the_closest_names(wanted, unknown):
    found = unknown_symbols(wanted, LISTED)
    assert {symbol: close[0] if close else None for symbol, close in found.items()} == unknown


def test_one_line_names_them_all():
    assert describe({}, "bybit-linear") == ""
    text = describe({"QQQQ": (), "BTCUSD": ("BTCUSDT", "BTCPERP")}, "bybit-linear")
    assert text == "not traded on bybit-linear and left out: BTCUSD (close: BTCUSDT, BTCPERP); QQQQ"
