"""Trades of one candle in, in any order and any number of times; its prices, exact sums and looks out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Any

from shared.domain.candle import LOOK_MILLIS, Candle, Look, OpenMode
from shared.domain.timeframe import Timeframe
from shared.domain.trade import Trade
from shared.errors import InvalidMessage

# Sums may not depend on the order of arrival, so no digit may ever be rounded away; the trap proves it. What
# `check_numbers` lets pass are quantities and products below 1e36 with at most 64 digits, none of them below 1e-88: 128
# digits hold the sum of more terms than can ever arrive.
_TRAPS: list[Any] = [Inexact, InvalidOperation, Overflow, DivisionByZero]
_EXACT = Context(prec=128, traps=_TRAPS)
_PRODUCT = Context(prec=64, traps=_TRAPS)
_LEAST_PRICE = Decimal("1e-12")
_LEAST_QUANTITY = Decimal("1e-12")
_MOST = Decimal("1e18")
_ZERO = Decimal(0)
_AFTER_ALL_TIMES = 1 << 62


def check_numbers(trades: Iterable[Trade]) -> None:
    """Refuse numbers that no trade can have, before anything is made of them.

    Raises:
        InvalidMessage: A price or quantity is not a positive number between 1e-12 and 1e18, or has so many digits
            that sums could not be exact. The text names the trade.
    """
    multiply, plus = _PRODUCT.multiply, _PRODUCT.plus
    for trade in trades:
        price, quantity = trade[2], trade[3]
        try:
            if _LEAST_PRICE <= price <= _MOST and _LEAST_QUANTITY <= quantity <= _MOST:
                multiply(price, plus(quantity))
                continue
        except (Inexact, InvalidOperation):
            pass
        raise InvalidMessage(
            f"trade {trade.trade_id!r} of {trade.symbol} has price {price} and quantity {quantity}: "
            "both must be between 1e-12 and 1e18, with at most 64 digits together"
        )


def _place(trade: Trade) -> tuple[int, int, str, Decimal]:
    """Order of trades within one millisecond. The price decides only between trades that their source cannot tell
    apart, so that even these give the same candle in any order."""
    return trade.sequence, trade.ordinal, trade.trade_id, trade.price


class CandleFold:
    """Accumulates the trades of one candle.

    Attributes:
        first: The trade that opens, or None before the first.
        last: The trade that closes, or None before the first.
        quantity: Sum of quantities, base units.
        turnover: Sum of price times quantity, quote units.
        trades: Number of different trades.
    """

    __slots__ = ("_ids", "_looks", "first", "last", "quantity", "trades", "turnover")

    def __init__(self) -> None:
        self.first: Trade | None = None
        self.last: Trade | None = None
        self.quantity = _ZERO
        self.turnover = _ZERO
        self.trades = 0
        self._ids: set[str] = set()
        self._looks: dict[int, list[Decimal]] = {}  # slice number -> [high, low]

    def add(self, trades: Sequence[Trade]) -> int:
        """Fold trades of this candle; returns how many were new (a known, not empty `trade_id` is a duplicate)."""
        ids = self._ids
        fresh = []
        for trade in trades:
            trade_id = trade[4]
            if trade_id:
                if trade_id in ids:
                    continue
                ids.add(trade_id)
            fresh.append(trade)
        if fresh:
            self._sum(fresh)
            self._find_ends(fresh)
            self.trades += len(fresh)
        return len(fresh)

    def _sum(self, trades: list[Trade]) -> None:
        """Sums and ranges: they commute."""
        plus, fma, looks = _EXACT.add, _EXACT.fma, self._looks
        quantity, turnover = self.quantity, self.turnover
        for trade in trades:
            _, time, price, size = trade[:4]
            quantity = plus(quantity, size)
            turnover = fma(price, size, turnover)
            look = looks.get(time // LOOK_MILLIS)
            if look is None:
                looks[time // LOOK_MILLIS] = [price, price]
            elif price > look[0]:
                look[0] = price
            elif price < look[1]:
                look[1] = price
        self.quantity, self.turnover = quantity, turnover

    def _find_ends(self, trades: list[Trade]) -> None:
        """The smallest and largest by ``(event_time, sequence, ordinal, trade_id)``."""
        first, last = self.first, self.last
        first_time = _AFTER_ALL_TIMES if first is None else first.event_time
        last_time = -1 if last is None else last.event_time
        for trade in trades:
            time = trade[1]
            if time > last_time or (time == last_time and last is not None and _place(trade) > _place(last)):
                last, last_time = trade, time
            if time < first_time or (time == first_time and first is not None and _place(trade) < _place(first)):
                first, first_time = trade, time
        self.first, self.last = first, last

    def looks(self, until: int = _AFTER_ALL_TIMES) -> tuple[Look, ...]:
        """The 15-second ranges that end at or before `until` (ms UTC), oldest first."""
        ends = sorted(number for number in self._looks if (number + 1) * LOOK_MILLIS <= until)
        return tuple(Look((number + 1) * LOOK_MILLIS, *self._looks[number]) for number in ends)

    def range(self) -> tuple[Decimal, Decimal]:
        """Highest and lowest price; there must be a trade."""
        looks = self._looks.values()
        return max(look[0] for look in looks), min(look[1] for look in looks)


@dataclass(frozen=True, slots=True)
class CandleShape:
    """What all candles of one series share; draws a candle from a fold."""

    exchange: str
    symbol: str
    timeframe: Timeframe
    open_mode: OpenMode

    @property
    def opens_by_itself(self) -> bool:
        """Whether a candle with trades can be drawn without the close before it."""
        return self.open_mode is OpenMode.FIRST_TRADE

    def draw(
        self,
        open_time: int,
        fold: CandleFold,
        previous: Decimal | None,
        *,
        complete: bool,
        revision: int = 0,
        until: int = _AFTER_ALL_TIMES,
    ) -> Candle | None:
        """The candle at `open_time` after a candle that closed at `previous`; None when no price is known at all.

        Only looks that end at or before `until` (ms UTC) are in it.
        """
        prices = self._prices(fold, previous)
        if prices is None:
            return None
        opening, high, low, close = prices
        return Candle(
            exchange=self.exchange,
            symbol=self.symbol,
            timeframe=self.timeframe,
            open_time=open_time,
            open=opening,
            high=high,
            low=low,
            close=close,
            quantity=fold.quantity,
            turnover=fold.turnover,
            trades=fold.trades,
            complete=complete,
            revision=revision,
            looks=fold.looks(until),
        )

    def _prices(self, fold: CandleFold, previous: Decimal | None) -> tuple[Decimal, Decimal, Decimal, Decimal] | None:
        """Open, high, low, close."""
        if fold.first is None or fold.last is None:
            return None if previous is None else (previous, previous, previous, previous)
        high, low = fold.range()
        if self.opens_by_itself or previous is None:
            return fold.first.price, high, low, fold.last.price
        return previous, max(high, previous), min(low, previous), fold.last.price
