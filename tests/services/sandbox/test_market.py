from decimal import Decimal

from services.sandbox.market import Minute, summarise
from tests.makers import START, make_trade


def test_a_span_is_summarised_without_its_block_trades():
    trades = [
        make_trade(START, "100", "1"),
        make_trade(START + 1, "500", "9", is_block=True),
        make_trade(START + 2, "98", "2"),
        make_trade(START + 3, "99", "1"),
    ]
    assert summarise(trades) == Minute(*map(Decimal, ("100", "100", "98", "99", "4", "395")), trades=3)


def test_nothing_is_none():
    assert summarise([]) is None
    assert summarise([make_trade(START, is_block=True)]) is None
