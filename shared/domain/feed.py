"""What an exchange's live feed tells: values, in the order in which they happened on the connection."""

from dataclasses import dataclass

from shared.domain.trade import Trade


@dataclass(frozen=True, slots=True)
class FeedConnected:
    """Every subscription is confirmed: a new run begins.

    Attributes:
        symbols: Confirmed symbols, sorted.
        refused: Symbols the venue refused, with its words.
        covered_from: Event time (ms UTC) from which every trade of `symbols` is seen.
    """

    symbols: tuple[str, ...]
    refused: dict[str, str]
    covered_from: int


@dataclass(frozen=True, slots=True)
class FeedTrades:
    """A frame of trades.

    Attributes:
        trades: As received, in order.
        venue_time: When the venue made the frame, ms UTC: everything before it has arrived on this connection.
        receive_time: Local time of arrival, ms UTC.
    """

    trades: tuple[Trade, ...]
    venue_time: int
    receive_time: int


@dataclass(frozen=True, slots=True)
class FeedAlive:
    """The venue answered a ping although nobody traded: everything before `venue_time` (ms UTC) has arrived."""

    venue_time: int


@dataclass(frozen=True, slots=True)
class FeedIgnored:
    """A frame that gave no trades: `reason` is one of few words, ``refused`` for one that could not be read."""

    reason: str


@dataclass(frozen=True, slots=True)
class FeedDisconnected:
    """The connection is gone; the run ends. `reason` is one line for people, with the cure where there is one."""

    reason: str


FeedEvent = FeedConnected | FeedTrades | FeedAlive | FeedIgnored | FeedDisconnected
