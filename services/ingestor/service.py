"""Composes the ingestor: a venue's live trades in, packs on the bus out."""

import asyncio
import logging
from collections.abc import Sequence

from services.ingestor.clock_watch import ClockWatch, VenueClock
from services.ingestor.pack_line import PackLine
from services.ingestor.symbols import describe, unknown_symbols
from shared.domain.feed import FeedConnected, FeedDisconnected, FeedEvent, FeedIgnored, FeedTrades
from shared.domain.trade import Trade
from shared.engine.packer import Packer
from shared.errors import ConfigurationError, Refused, Unavailable
from shared.ports import Bus, Clock, MarketHistory, TradeFeed
from shared.runtime import metrics
from shared.runtime.service import Health, HealthStatus, Service

logger = logging.getLogger(__name__)

_MOST_WAITING = 100_000  # trades, about 60 MB: close to an hour of an ordinary day without a bus
_CHECK_TIMEOUT = 5.0  # seconds; a list of symbols that does not come must not keep trades away
_CHECK_AGAIN = 30.0
_STALLED = 5.0  # seconds in which a bus takes any pack, unless its consumers do not keep up


class _Ingestor:
    """One venue, one connection at a time."""

    name = "ingestor"

    def __init__(
        self,
        *,
        feed: TradeFeed,
        history: MarketHistory | None,
        symbols: Sequence[str],
        line: PackLine,
        clock_watch: ClockWatch,
    ) -> None:
        self._feed = feed
        self._history = history
        self._symbols = tuple(dict.fromkeys(symbols))
        self._line = line
        self._clock_watch = clock_watch
        self._trades = 0
        self._ignored = 0
        self._status = HealthStatus.STARTING
        self._detail = "connecting"
        self._unknown: dict[str, tuple[str, ...]] = {}
        self._refused: dict[str, str] = {}

    async def run(self) -> None:
        """Read the feed until cancelled; then the last pack is published."""
        checked = await self._check()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read())
                group.create_task(self._line.publish_forever())
                group.create_task(self._clock_watch.watch_forever())
                if not checked:
                    group.create_task(self._check_later())
        finally:
            await self._line.finish()

    def health(self) -> Health:
        """OK while data flows on to the bus and the clock is right; unknown symbols are named, and do not spoil the
        others."""
        status, detail = self._status, self._detail
        if self._line.trouble:
            status, detail = HealthStatus.DEGRADED, f"trades wait for the bus: {self._line.trouble}"
        elif self._line.stalled > _STALLED:
            status = HealthStatus.DEGRADED
            detail = f"trades wait for the bus for {self._line.stalled:.0f} s: its consumers are too far behind"
        elif self._clock_watch.trouble and status is HealthStatus.OK:
            status, detail = HealthStatus.DEGRADED, self._clock_watch.trouble
        left_out = [describe(self._unknown, self._feed.exchange)]
        refused = {symbol: text for symbol, text in self._refused.items() if symbol not in self._unknown}
        left_out += [f"{symbol} refused by the venue: {text}" for symbol, text in sorted(refused.items())]
        return Health(status, "; ".join(part for part in (detail, *left_out) if part), self._facts())

    def _facts(self) -> dict[str, int | float | str]:
        facts: dict[str, int | float | str] = {
            "symbols": len(set(self._symbols) - self._refused.keys()),
            "runs": self._line.runs,
            "trades": self._trades,
            "frames_ignored": self._ignored,
            "packs": self._line.published,
            "waiting": self._line.waiting,
            "lost": self._line.lost,
        }
        offset = self._clock_watch.offset
        return facts if offset is None else facts | {"clock_offset_ms": offset}

    async def _read(self) -> None:
        async for event in self._feed.events(self._symbols):
            self._note(event)
            self._line.take(event)

    def _note(self, event: FeedEvent) -> None:
        exchange = self._feed.exchange
        match event:
            case FeedTrades():
                self._clock_watch.saw(event)
                self._trades += len(event.trades)
                metrics.TRADES_RECEIVED.labels(exchange).inc(len(event.trades))
            case FeedIgnored():
                self._ignored += 1
                metrics.FRAMES_IGNORED.labels(exchange, event.reason).inc()
            case FeedConnected():
                if event.refused and event.refused != self._refused:
                    logger.warning("symbols refused by the venue", extra={"refused": dict(event.refused)})
                self._refused = dict(event.refused)
                self._status, self._detail = HealthStatus.OK, ""
                metrics.FEED_CONNECTED.labels(exchange).set(1)
                known = {"symbols": len(event.symbols), "covered_from": event.covered_from}
                logger.info("feed connected", extra={"exchange": exchange, **known})
            case FeedDisconnected():
                self._status, self._detail = HealthStatus.DEGRADED, event.reason
                metrics.FEED_CONNECTED.labels(exchange).set(0)
                metrics.FEED_RECONNECTS.labels(exchange).inc()

    async def _check(self) -> bool:
        """Leave unknown symbols out; False when the venue's list is not to be had now.

        Raises:
            ConfigurationError: The venue knows none of the symbols.
        """
        if self._history is None:
            return True
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT):
                listed = await self._history.symbols()
        except (Unavailable, Refused, TimeoutError) as error:
            logger.warning("symbols not checked yet", extra={"reason": str(error) or "no answer in time"})
            return False
        self._unknown = unknown_symbols(self._symbols, listed)
        text = describe(self._unknown, self._feed.exchange)
        if len(self._unknown) == len(self._symbols):
            raise ConfigurationError(f"symbols: {text or 'none are given'}")
        if text:
            logger.warning("unknown symbols", extra={"detail": text})
            self._symbols = tuple(symbol for symbol in self._symbols if symbol not in self._unknown)
        return True

    async def _check_later(self) -> None:
        """The feed runs with all symbols meanwhile: the venue refuses the unknown ones by itself."""
        checked = False
        while not checked:
            await asyncio.sleep(_CHECK_AGAIN)
            checked = await self._check()


def create(
    *,
    feed: TradeFeed,
    history: MarketHistory | None,
    bus: Bus,
    clock: Clock,
    symbols: Sequence[str],
    run_prefix: str,
    shards: int,
    pack_millis: int,
    include_block_trades: bool,
    include_rpi: bool,
    clock_alarm: int,
    venue_clock: VenueClock | None = None,
) -> Service:
    """The ingestor.

    Args:
        feed: Live trades.
        history: Where symbols are checked; None to leave that to the feed.
        bus: Packs go to the topic of `catalog.TRADES`.
        clock: Measures durations; its wall time is compared with the venue's.
        symbols: Compact pairs.
        run_prefix: Unique for this process, for ever: run ids begin with it.
        shards: Number of shards; the aggregators must agree.
        pack_millis: Longest wait of a trade before it is published.
        include_block_trades: Whether off-book block trades count in candles.
        include_rpi: Whether retail price improvement fills do.
        clock_alarm: ms by which the local clock may be off.
        venue_clock: Who tells the venue's time; None to go by frames alone.
    """

    def keep(trade: Trade) -> bool:
        return (include_block_trades or not trade.is_block) and (include_rpi or not trade.is_rpi)

    line = PackLine(
        packer=Packer(feed.exchange, shards, pack_millis, keep),
        bus=bus,
        exchange=feed.exchange,
        run_prefix=run_prefix,
        clock=clock,
        most_waiting=_MOST_WAITING,
    )
    return _Ingestor(
        feed=feed,
        history=history,
        symbols=symbols,
        line=line,
        clock_watch=ClockWatch(feed.exchange, clock, venue_clock, clock_alarm),
    )
