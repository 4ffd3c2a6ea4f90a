"""Klines that the venue corrects later: rows as they are in, rows with a wrong close at the first answer out.

A real venue does that when it closes a minute before the last trades have arrived.
"""

from collections.abc import Sequence
from decimal import Decimal

from services.sandbox.faults import FaultBoard
from services.sandbox.klines import Row, plain
from services.sandbox.market import MINUTE, Market

_START, _HIGH, _CLOSE = 0, 2, 4


class WrongKlines:
    """Applies the fault ``kline_wrong`` to minutes that are over. Their successors open at the right price."""

    def __init__(self, market: Market, faults: FaultBoard) -> None:
        self._market = market
        self._faults = faults
        self._answered: set[tuple[str, int]] = set()

    def falsify(self, symbol: str, rows: Sequence[Row], now: int) -> list[Row]:
        """Rows of one-minute klines of which each is right from its second answer on; `now` is market time, ms UTC."""
        return [self._maybe_wrong(symbol, row) if int(row[_START]) + MINUTE <= now else row for row in rows]

    def _maybe_wrong(self, symbol: str, row: Row) -> Row:
        key = (symbol, int(row[_START]))
        if key in self._answered:
            return row
        self._answered.add(key)
        if self._faults.strike("kline_wrong", number=key[1] // MINUTE) is None:
            return row
        close = Decimal(row[_CLOSE]) + self._market.listings[symbol].tick
        wrong = list(row)
        wrong[_CLOSE], wrong[_HIGH] = plain(close), plain(max(Decimal(row[_HIGH]), close))
        return wrong
