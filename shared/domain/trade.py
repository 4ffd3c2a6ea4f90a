"""An execution at the venue, and the pack in which executions travel."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class AggressorSide(StrEnum):
    """Which side took liquidity (not the resting maker order)."""

    BUY = "buy"
    SELL = "sell"
    UNKNOWN = ""


class Trade(NamedTuple):
    """One execution at the venue.

    `event_time` is ms UTC at the venue. A symbol's trades are ordered by ``(event_time, sequence, ordinal, trade_id)``;
    `sequence` is the venue's own order where it has one, `ordinal` the place among trades that share it.
    An empty `trade_id` means the source has none: such a trade is never taken for a duplicate.
    """

    symbol: str
    event_time: int
    price: Decimal
    quantity: Decimal
    trade_id: str = ""
    aggressor_side: AggressorSide = AggressorSide.UNKNOWN
    sequence: int = 0
    ordinal: int = 0
    is_block: bool = False
    is_rpi: bool = False


@dataclass(frozen=True, slots=True)
class TradePack:
    """Trades of one shard, as one ingestor run saw them during at most 100 ms, with the proof of what was seen.

    A run is one connection: it starts when its subscriptions are confirmed and ends with the connection. The packs of
    a run are numbered 0, 1, 2, ... without holes. All times are event time in ms UTC.

    Attributes:
        exchange: The venue, ``bybit-linear``.
        run_id: Names the run; unique for ever.
        shard: Number of the shard; a symbol always belongs to the same shard.
        seq: Number of this pack in its run.
        covered_from: The run has seen every trade from this time on (of the symbols it names).
        prior_event_time: Largest event time of any trade in the run's earlier packs; ``covered_from - 1`` before
            the first trade. A minute that begins after it has no trade in earlier packs.
        watermark: The run has seen everything up to this time (exclusive).
        symbols: The symbols the run covers, in the first pack and in every pack whose watermark enters a new minute;
            empty in the others, to keep them small.
        trades: The trades, in order of arrival.
    """

    exchange: str
    run_id: str
    shard: int
    seq: int
    covered_from: int
    prior_event_time: int
    watermark: int
    symbols: tuple[str, ...] = ()
    trades: tuple[Trade, ...] = ()
