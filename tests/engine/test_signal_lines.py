from decimal import Decimal

import pytest

from shared.domain.book import BookKey
from shared.domain.candle import Look
from shared.domain.signal import ExitReason, Side, SignalKind
from shared.engine.exits import Exit
from shared.engine.signal_lines import entry_line, exit_line, gain_pct, position_of
from shared.strategies.strategy import Entry
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle

KEY = BookKey("rsi_divergence", EXCHANGE, SYMBOL)
ENTRY = Entry(Side.SHORT, 100.0, 98.5, 100.7, {"why": "because"})


def test_an_entry_is_said_at_the_end_of_its_candle():
    line = entry_line(KEY, make_candle(START), ENTRY)
    assert line.kind is SignalKind.ENTRY
    assert line.signal_id == f"rsi_divergence/BTCUSDT/{START}/SHORT"
    assert (line.revision, line.time, line.open_time) == (0, START + MINUTE, START)
    assert (line.price, line.take_profit, line.stop_loss) == (100.0, 98.5, 100.7)
    assert line.decision == {"why": "because"}


def test_an_exit_belongs_to_its_entry_and_tells_what_decided():
    position = position_of(entry_line(KEY, make_candle(START), ENTRY))
    look = Look(START + 3 * MINUTE + 15_000, Decimal("100.9"), Decimal("99.5"))
    found = Exit(ExitReason.STOP_LOSS, 100.7, ambiguous=False, look=look)
    line = exit_line(KEY, position, make_candle(START + 3 * MINUTE), found, {"why": "because"})
    assert line.kind is SignalKind.EXIT
    assert (line.signal_id, line.revision) == (position.signal_id, 1)
    assert (line.time, line.entry_time, line.open_time) == (look.end, START + MINUTE, START + 3 * MINUTE)
    assert (line.price, line.entry_price, line.pnl_pct, line.reason) == (100.7, 100.0, -0.7, ExitReason.STOP_LOSS)
    assert line.decision == {
        "why": "because",
        "entry": 100.0,
        "exit_look": {"end": look.end, "high": 100.9, "low": 99.5},
        "duration": 2 * MINUTE + 15_000,
    }


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [(Side.LONG, 101.5, 1.5), (Side.LONG, 99.3, -0.7), (Side.SHORT, 98.5, 1.5), (Side.LONG, 100.123456, 0.1235)],
)
def test_the_gain_is_in_percent_of_the_entry(side, price, expected):
    assert gain_pct(side, 100.0, price) == expected
