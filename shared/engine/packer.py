"""Feed events in, trade packs out: numbered without holes, each with the proof of what its run has seen.

Pure machine; the actor gives it a clock that never goes back (seconds) and publishes what `flush` returns, in order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from zlib import crc32

from shared.domain.feed import FeedAlive, FeedConnected, FeedTrades
from shared.domain.timeframe import Timeframe
from shared.domain.trade import Trade, TradePack

PACK_TRADES = 1_000
"""Most trades in a pack: about 256 KB of JSON, far below the bus's limit."""

_HEARTBEAT_SECONDS = 1.0


def shard_of(symbol: str, shards: int) -> int:
    """Shard of a symbol: the same in every process and for ever (crc32; Python's own hash changes by the run)."""
    return crc32(symbol.encode()) % shards


@dataclass(slots=True)
class _Shard:
    """One shard of the run: what was published last, and what waits."""

    symbols: tuple[str, ...]
    prior_event_time: int
    watermark: int
    seq: int = 0
    sent_at: float = 0.0
    waiting_since: float = 0.0
    trades: list[Trade] = field(default_factory=list)


class Packer:
    """Collects the trades of one run at a time.

    Args:
        exchange: As packs carry it.
        shards: Number of shards.
        pack_millis: Longest wait of a trade.
        keep: Which trades belong into candles; the others are left out, and still prove the time.
    """

    def __init__(self, exchange: str, shards: int, pack_millis: int, keep: Callable[[Trade], bool]) -> None:
        self._exchange = exchange
        self._shards = shards
        self._pack_seconds = pack_millis / 1000
        self._keep = keep
        self._run_id = ""
        self._covered_from = 0
        self._watermark = 0
        self._symbols: tuple[str, ...] = ()
        self._open: dict[int, _Shard] = {}
        self._places: dict[str, _Shard] = {}
        self._sweeps: dict[str, Trade] = {}
        self.waiting = 0

    @property
    def running(self) -> bool:
        """Whether a run is open."""
        return bool(self._run_id)

    def connected(self, event: FeedConnected, run_id: str) -> None:
        """A connection covers its symbols: open a run."""
        self._sweeps.clear()
        self._begin(event.symbols, event.covered_from, run_id)

    def disconnected(self, now: float) -> list[TradePack]:
        """The connection is gone: the last packs of the run, which ends with them."""
        packs = self.flush(now, everything=True)
        self._run_id = ""
        self._open.clear()
        self._places.clear()
        return packs

    def restart(self, run_id: str) -> int:
        """Give up what waits, and open a new run that does not claim it: a hole that the candles will show.

        Returns:
            Number of trades given up.
        """
        lost = self.waiting
        newest = max((trade.event_time for shard in self._open.values() for trade in shard.trades), default=0)
        self._begin(self._symbols, max(self._watermark, newest, self._covered_from) + 1, run_id)
        return lost

    def trades(self, event: FeedTrades, now: float) -> None:
        """A frame arrived at `now`; without an open run it is nobody's, and so is a trade of a symbol that the run does
        not cover: nobody asked for it, and its candles could never be complete."""
        if not self.running:
            return
        for trade in map(self._in_sweep, event.trades):
            shard = self._places.get(trade.symbol)
            if shard is None or not self._keep(trade):
                continue
            if not shard.trades:
                shard.waiting_since = now
            shard.trades.append(trade)
            self.waiting += 1
        self._watermark = max(self._watermark, event.venue_time)

    def alive(self, event: FeedAlive) -> None:
        """The venue proved that everything before this time has arrived."""
        self._watermark = max(self._watermark, event.venue_time)

    def due(self) -> float | None:
        """When `flush` has something to give, at the latest; None while nothing is to be said."""
        return min((self._due(shard) for shard in self._open.values() if self._has_news(shard)), default=None)

    def flush(self, now: float, *, everything: bool = False) -> list[TradePack]:
        """Packs whose time has come (all that waits, with `everything`), in order of shard and number."""
        packs: list[TradePack] = []
        for number, shard in sorted(self._open.items()):
            if self._has_news(shard) and (everything or self._due(shard) <= now):
                packs.extend(self._packs(number, shard, now))
        return packs

    def _begin(self, symbols: tuple[str, ...], covered_from: int, run_id: str) -> None:
        self._run_id = run_id
        self._symbols = symbols
        self._covered_from = self._watermark = covered_from
        self.waiting = 0
        members: dict[int, list[str]] = {}
        for symbol in sorted(symbols):
            members.setdefault(shard_of(symbol, self._shards), []).append(symbol)
        self._open = {
            number: _Shard(tuple(names), prior_event_time=covered_from - 1, watermark=covered_from)
            for number, names in members.items()
        }
        self._places = {symbol: self._open[shard_of(symbol, self._shards)] for symbol in symbols}

    def _in_sweep(self, trade: Trade) -> Trade:
        """A sweep larger than a frame is split: its later frames continue to count where the earlier one ended."""
        last = self._sweeps.get(trade.symbol)
        if last and trade.sequence and (last.event_time, last.sequence) == (trade.event_time, trade.sequence):
            trade = trade._replace(ordinal=max(trade.ordinal, last.ordinal + 1))
        self._sweeps[trade.symbol] = trade
        return trade

    def _has_news(self, shard: _Shard) -> bool:
        return bool(shard.trades) or shard.watermark < self._watermark

    def _due(self, shard: _Shard) -> float:
        if len(shard.trades) >= PACK_TRADES:
            return shard.waiting_since
        return shard.waiting_since + self._pack_seconds if shard.trades else shard.sent_at + _HEARTBEAT_SECONDS

    def _packs(self, number: int, shard: _Shard, now: float) -> Iterator[TradePack]:
        trades, shard.trades = shard.trades, []
        self.waiting -= len(trades)
        shard.sent_at = now
        for start in range(0, max(1, len(trades)), PACK_TRADES):
            part = tuple(trades[start : start + PACK_TRADES])
            # Only the last part may claim the newest watermark: until it is there, trades before it are missing.
            watermark = self._watermark if start + PACK_TRADES >= len(trades) else shard.watermark
            new_minute = Timeframe.M1.floor(watermark) > Timeframe.M1.floor(shard.watermark)
            yield TradePack(
                exchange=self._exchange,
                run_id=self._run_id,
                shard=number,
                seq=shard.seq,
                covered_from=self._covered_from,
                prior_event_time=shard.prior_event_time,
                watermark=watermark,
                symbols=shard.symbols if shard.seq == 0 or new_minute else (),
                trades=part,
            )
            shard.seq += 1
            shard.watermark = watermark
            shard.prior_event_time = max([shard.prior_event_time, *(trade.event_time for trade in part)])
