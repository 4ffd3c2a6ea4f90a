"""Candles: what the builder makes, the store keeps and the strategies read."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe

LOOK_MILLIS = 15_000
"""Length of a look: exits are decided on slices of this length, cut by event time, so that live equals replay."""


class OpenMode(StrEnum):
    """What a candle opens with: the previous close (Bybit) or its own first trade (Kraken, Binance)."""

    PREVIOUS_CLOSE = "previous_close"
    FIRST_TRADE = "first_trade"


class CandleSource(StrEnum):
    """Who made a candle."""

    TRADES = "trades"
    EXCHANGE = "exchange"


class Look(NamedTuple):
    """Range of the trades in one 15-second slice of a candle.

    `end` is the slice's exclusive end (ms UTC). Slices without a trade have no look.
    """

    end: int
    high: Decimal
    low: Decimal


@dataclass(frozen=True, slots=True)
class Candle:
    """A minute (or longer) of one instrument that is over. Only these reach a strategy.

    Attributes:
        exchange: Venue and product, ``bybit-linear``.
        symbol: Compact pair, ``BTCUSDT``.
        timeframe: Length.
        open_time: Start in ms UTC, inclusive.
        open: First price: of the first trade, or the previous close (see `OpenMode`).
        high: Highest price.
        low: Lowest price.
        close: Price of the last trade.
        quantity: Sum of the trades' quantities, in base units.
        turnover: Sum of price times quantity, in quote units.
        trades: Number of trades; 0 with `source` ``trades`` is a minute in which nobody traded (a flat candle at the
            previous close). Exchanges that publish no count give 0.
        complete: True when every trade of the span is known to be in it. An incomplete candle holds what was seen.
        revision: 0 for the first version, one more for each later one.
        source: Built by us from trades, or taken from the exchange's own klines.
        looks: The 15-second ranges inside, oldest first; empty when the path inside is not known.
    """

    exchange: str
    symbol: str
    timeframe: Timeframe
    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    quantity: Decimal
    turnover: Decimal
    trades: int
    complete: bool
    revision: int = 0
    source: CandleSource = CandleSource.TRADES
    looks: tuple[Look, ...] = ()

    @property
    def close_time(self) -> int:
        """End in ms UTC, exclusive."""
        return self.open_time + self.timeframe.millis

    @property
    def instrument(self) -> Instrument:
        """The instrument it belongs to."""
        return Instrument(self.exchange, self.symbol)

    def supersedes(self, stored: "Candle") -> bool:
        """Whether a store that holds `stored` for the same minute must take this version instead.

        A complete candle never loses to an incomplete one; then the higher revision wins, then the one that has seen
        more trades. Equal rank changes nothing, so writing the same candle again is harmless.
        """
        return (self.complete, self.revision, self.trades) > (stored.complete, stored.revision, stored.trades)


@dataclass(frozen=True, slots=True)
class FormingCandle:
    """A candle that is not over: a view for exits and charts, never for a strategy.

    `candle` is incomplete and holds the trades seen so far. `as_of` is the event time (ms UTC) up to which every trade
    is proven to be in it; its looks are only those that end at or before that time, so they are final.
    """

    candle: Candle
    as_of: int
