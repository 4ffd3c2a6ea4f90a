"""Klines as Bybit builds them, made from the market itself: a symbol and a span in, rows of strings out.

Every bar is seeded with the close before it, so its open is the previous close and takes part in high and low, and a
minute without trades is a flat bar. (In 135,045 of 135,045 recorded pairs of consecutive Bybit bars open equals the
close before.)
"""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

from services.sandbox.market import MINUTE, Market, Minute, summarise

Row = list[str]
"""Start (ms), open, high, low, close, quantity, turnover: all text, as the venue answers."""

_MINUTES_AT_ONCE = 12  # of work, before others on the event loop get their turn


class Klines:
    """Bars of a market up to a given time."""

    def __init__(self, market: Market) -> None:
        self._market = market

    async def rows(self, symbol: str, interval: int, starts: range, now: int) -> list[Row]:
        """Bars of `interval` ms that open at `starts` (ascending), oldest first; the last may still form at `now`."""
        close = self._close_before(symbol, starts.start) if starts else Decimal(0)
        rows = []
        worked = 0
        for start in starts:
            bar = _Bar(close)
            for minute in self._minutes(symbol, start, min(start + interval, now)):
                bar.add(minute)
            close = bar.close
            rows.append(bar.row(start))
            worked += interval // MINUTE
            if worked >= _MINUTES_AT_ONCE:
                worked = 0
                await asyncio.sleep(0)
        return rows

    def _minutes(self, symbol: str, start: int, end: int) -> Iterator[Minute]:
        """What traded in ``[start, end)``, minute by minute; the last one may be cut."""
        for open_time in range(start, end, MINUTE):
            if open_time + MINUTE <= end:
                minute = self._market.minute(symbol, open_time)
            else:
                minute = summarise(self._market.trades(symbol, open_time, end))
            if minute is not None:
                yield minute

    def _close_before(self, symbol: str, time: int) -> Decimal:
        """Close of the last minute with a trade before `time`; at the beginning of history the next open instead."""
        first = self._market.history_start
        for open_time in range(time - MINUTE, first - 1, -MINUTE):
            minute = self._market.minute(symbol, open_time)
            if minute is not None:
                return minute.close
        listing = self._market.listings[symbol]
        for open_time in range(max(first, time), max(first, time) + 60 * MINUTE, MINUTE):
            minute = self._market.minute(symbol, open_time)
            if minute is not None:
                return minute.open
        return (Decimal(listing.price) / listing.tick).to_integral_value() * listing.tick


class _Bar:
    """A bar that begins at the previous close."""

    def __init__(self, previous_close: Decimal) -> None:
        self._open = self._high = self._low = self.close = previous_close
        self._quantity = self._turnover = Decimal(0)

    def add(self, minute: Minute) -> None:
        self._high = max(self._high, minute.high)
        self._low = min(self._low, minute.low)
        self.close = minute.close
        self._quantity += minute.quantity
        self._turnover += minute.turnover

    def row(self, start: int) -> Row:
        values = (self._open, self._high, self._low, self.close, self._quantity, self._turnover)
        return [str(start), *(plain(value) for value in values)]


def plain(number: Decimal) -> str:
    """A number without exponent and without trailing zeros: ``30710``, ``112245.7381``."""
    return format(number.normalize(), "f")
