"""Rows of tables in, trades or one clear error out."""

from decimal import Decimal

import pytest

from shared.adapters.wire.read_report import ReadReport
from shared.adapters.wire.trade_rows import Style, read_rows
from shared.domain.trade import AggressorSide, Trade
from shared.errors import InvalidInput

STYLE = Style(
    {name: (name,) for name in ("time", "price", "quantity", "id", "side", "symbol", "rpi")},
)
HEADER = "symbol,time,price,quantity,id,side,rpi"


def read(*rows, style=STYLE, report=None):
    report = report or ReadReport("a.csv")
    return list(read_rows([HEADER, *rows], style, symbol="BTCUSDT", columns=None, report=report))


def test_a_row_becomes_a_trade():
    assert read("BTCUSDT,1750507467356,83.290,0.107,77,buy,1") == [
        Trade(
            "BTCUSDT", 1_750_507_467_356, Decimal("83.290"), Decimal("0.107"), "77", AggressorSide.BUY, 77, is_rpi=True
        )
    ]


def test_the_order_is_the_numeric_id_or_else_the_line():
    rows = ["BTCUSDT,1750507467,1,1,9,,", "", "BTCUSDT,1750507467,1,1,uuid,,", "BTCUSDT,1750507467,1,1,,,"]
    assert [trade.sequence for trade in read(*rows)] == [9, 4, 5]
    unnumbered = Style(STYLE.aliases, numbered=False)
    assert [trade.sequence for trade in read(*rows, style=unnumbered)] == [2, 4, 5]


def test_other_symbols_are_left_out_and_remembered():
    report = ReadReport("a.csv")
    assert read("ETHUSDT,1750507467,1,1,9,,", style=STYLE, report=report) == []
    assert report.symbols == {"ETHUSDT"}


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("BTCUSDT,yesterday,1,1,9,,", "a.csv, line 2: 'yesterday': time: no time"),
        ("BTCUSDT,1750507467,0,1,9,,", "line 2: '0': price: no sane positive number"),
        ("BTCUSDT,1750507467,1,x,9,,", "line 2: 'x': quantity: not a number; mend or remove"),
        ("BTCUSDT,1750507467,1,1,9,long,", "line 2: 'long': side: "),
    ],
)
def test_a_broken_cell_is_named_with_its_place(row, text):
    with pytest.raises(InvalidInput, match=text):
        read(row)
