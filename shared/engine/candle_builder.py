"""Packs of trades in, in any order and any number of times; candles out, each proven complete or marked incomplete.

The rules are those of docs/architecture.md, "Trades to candles". This machine knows no clock: time is event time, and
only packs move it.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.candle import Candle, FormingCandle, OpenMode
from shared.domain.timeframe import Timeframe
from shared.domain.trade import Trade, TradePack
from shared.engine.candle_fold import CandleShape, check_numbers
from shared.engine.candle_series import CandleSeries, Close
from shared.engine.coverage import Coverage, reach
from shared.errors import ConfigurationError, InvalidMessage, InvariantViolation

_LOST_KEPT = 100  # of the minutes that lost trades, the newest are named; all are counted


@dataclass(frozen=True, slots=True)
class BuilderStats:
    """Counts since the builder began, in trades.

    Attributes:
        folded: Taken into a candle.
        duplicates: Seen before: by trade id, or in a pack delivered again.
        late: Of `folded`, those that came after their minute had closed and revised it.
        lost: Older than the builder's memory; they are in no candle of ours.
        closed_elsewhere: Of minutes that were closed before this builder began (a predecessor has them).
        lost_in: Symbol, minute (ms UTC) and number of trades of the newest 100 losses.
    """

    folded: int
    duplicates: int
    late: int
    lost: int
    closed_elsewhere: int
    lost_in: tuple[tuple[str, int, int], ...]


class _Shard:
    """Proofs and series of one shard. `open_from` is the earliest open minute of any symbol, None without symbols."""

    __slots__ = ("coverage", "open_from", "series", "uncovered_to")

    def __init__(self, grace: int) -> None:
        self.coverage = Coverage(grace)
        self.series: dict[str, CandleSeries] = {}
        self.open_from: int | None = None
        self.uncovered_to = 0

    def look_again(self) -> None:
        """Bring the summary of all series up to date."""
        self.open_from = min((series.open_from for series in self.series.values()), default=None)
        self.uncovered_to = max((series.uncovered_to for series in self.series.values()), default=0)


class CandleBuilder:
    """Builds the candles of one exchange.

    Args:
        exchange: Venue and product, as packs and candles carry it.
        timeframe: Length of the candles.
        open_mode: What a candle opens with.
        grace: ms of event time by which a watermark must pass a minute's end to prove it.
        patience: ms of event time past a minute's end after which it closes even though it is not proven.
        retention: ms of event time a closed minute stays in memory for late trades and duplicates.

    Raises:
        ConfigurationError: The times contradict each other.
    """

    def __init__(
        self, *, exchange: str, timeframe: Timeframe = Timeframe.M1, open_mode: OpenMode, grace: int, patience: int,
        retention: int,
    ) -> None:  # fmt: skip
        if not 0 <= grace <= patience or retention < 0:
            raise ConfigurationError(
                f"grace {grace}, patience {patience} and retention {retention} must not be negative, "
                "and patience must not be shorter than grace"
            )
        self._exchange = exchange
        self._timeframe = timeframe
        self._span = timeframe.millis
        self._open_mode = open_mode
        self._grace = grace
        self._patience = patience
        self._retention = retention
        self._shards: dict[int, _Shard] = {}
        self._seeds: dict[str, tuple[int, Decimal]] = {}
        self._met: set[str] = set()
        self._folded = self._duplicates = self._late = self._lost = self._closed_elsewhere = 0
        self._lost_in: deque[tuple[str, int, int]] = deque(maxlen=_LOST_KEPT)

    @property
    def stats(self) -> BuilderStats:
        """Counts so far."""
        return BuilderStats(
            self._folded, self._duplicates, self._late, self._lost, self._closed_elsewhere, tuple(self._lost_in)
        )

    def knows(self, symbol: str) -> bool:
        """Whether a pack has spoken of the symbol: then it is too late to seed it."""
        return symbol in self._met

    def seed(self, symbol: str, open_time: int, close: Decimal) -> None:
        """Tell where the symbol's last closed candle is, before its first pack: minutes up to `open_time` (ms UTC) are
        closed elsewhere, and the next one follows a candle that closed at `close`.

        Raises:
            InvariantViolation: A pack has already spoken of the symbol.
        """
        if symbol in self._met:
            raise InvariantViolation(f"{symbol} was seeded after its first pack")
        self._seeds[symbol] = (open_time, close)

    def on_pack(self, pack: TradePack) -> list[Candle]:
        """Candles closed or revised by this pack, ascending by open time, then symbol.

        Raises:
            InvalidMessage: The pack is of another exchange, or has a number no trade can have; nothing has changed.
        """
        if pack.exchange != self._exchange:
            raise InvalidMessage(f"a pack of exchange {pack.exchange!r} reached the candles of {self._exchange!r}")
        check_numbers(pack.trades)
        shard = self._shards.get(pack.shard)
        if shard is None:
            shard = self._shards[pack.shard] = _Shard(self._grace)
        gained_from = shard.coverage.add(pack)
        if gained_from is None:
            self._duplicates += len(pack.trades)
            return []
        for symbol in pack.symbols:
            if symbol not in shard.series:
                self._meet(shard, symbol, pack.watermark)
        late = self._fold(shard, pack)
        return self._settle(shard, late, gained_from)

    def forming(self) -> list[FormingCandle]:
        """Views of all open minutes that have a price."""
        return [
            view
            for shard in self._shards.values()
            for series in shard.series.values()
            for view in series.forming(shard.coverage)
        ]

    def closed_through(self, shard: int) -> int:
        """Every known symbol of the shard is closed for all minutes that open before this time (ms UTC). While no
        symbol is known, that is true only of what patience has given up."""
        known = self._shards.get(shard)
        if known is None:
            return 0
        if known.open_from is None:
            return max(0, self._timeframe.floor(known.coverage.watermark - self._patience))
        return known.open_from

    def last_minute(self, pack: TradePack) -> int:
        """Open time (ms UTC) of the minute that must be closed before the pack may be acknowledged."""
        return self._timeframe.floor(reach(pack))

    def watermark(self) -> int:
        """The oldest watermark of all shards, ms UTC; 0 before the first pack."""
        return min((shard.coverage.watermark for shard in self._shards.values()), default=0)

    def _meet(self, shard: _Shard, symbol: str, time: int) -> CandleSeries:
        """Begin the series of a symbol not met before, at the minute of `time` unless it is seeded."""
        shape = CandleShape(self._exchange, symbol, self._timeframe, self._open_mode)
        start, base = self._timeframe.floor(time), None
        if symbol in self._seeds:
            open_time, close = self._seeds.pop(symbol)
            start, base = open_time + self._span, Close(close, is_known=True)
        series = shard.series[symbol] = CandleSeries(shape, start, base, self._retention)
        self._met.add(symbol)
        shard.look_again()
        return series

    def _fold(self, shard: _Shard, pack: TradePack) -> list[CandleSeries]:
        """Take the pack's trades in; returns the series in which a closed minute changed."""
        late = []
        watermark = shard.coverage.watermark
        for (symbol, open_time), trades in self._by_minute(pack.trades).items():
            series = shard.series.get(symbol)
            if series is None:
                # A trade older than the memory begins no series there: it would have to close every minute since.
                series = self._meet(shard, symbol, max(open_time, watermark - self._retention - self._span))
            if not series.accepts(open_time, watermark):
                self._refuse(series, symbol, open_time, len(trades))
                continue
            folded = series.fold(open_time, trades)
            if shard.open_from is None or series.open_from < shard.open_from:
                shard.open_from = series.open_from
            self._folded += folded.fresh
            self._duplicates += folded.duplicate
            self._late += folded.late
            if folded.late:
                late.append(series)
        return late

    def _by_minute(self, trades: Iterable[Trade]) -> dict[tuple[str, int], list[Trade]]:
        """Trades by symbol and the open time (ms UTC) of their minute."""
        span = self._span
        groups: dict[tuple[str, int], list[Trade]] = {}
        for trade in trades:
            time = trade[1]
            key = trade[0], time - time % span
            group = groups.get(key)
            if group is None:
                groups[key] = [trade]
            else:
                group.append(trade)
        return groups

    def _refuse(self, series: CandleSeries, symbol: str, open_time: int, trades: int) -> None:
        """Count trades of a minute that is no longer here."""
        if open_time < series.closed_elsewhere:
            self._closed_elsewhere += trades
        else:
            self._lost += trades
            self._lost_in.append((symbol, open_time, trades))

    def _settle(self, shard: _Shard, late: list[CandleSeries], gained_from: int) -> list[Candle]:
        """Close and revise what this pack made possible. Most packs make nothing possible, so ask that first."""
        watermark = shard.coverage.watermark
        is_due = shard.open_from is not None and shard.open_from + self._span + self._grace <= watermark
        if is_due or gained_from < shard.uncovered_to:
            touched: Iterable[CandleSeries] = shard.series.values()
        elif late:
            touched = late
        else:
            return []
        candles = []
        for series in touched:
            series.reconsider(gained_from)
            candles += series.settle(shard.coverage, watermark - self._patience)
        shard.look_again()
        shard.coverage.forget(watermark - self._patience - self._retention - self._span)
        candles.sort(key=lambda candle: (candle.open_time, candle.symbol))
        return candles
