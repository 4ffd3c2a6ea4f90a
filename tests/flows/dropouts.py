"""Recorded trades and times without a connection in, the real services between feed and store, and the truth, out.

The connection is lost as it is live: the feed says `FeedDisconnected`, the run ends, and the next run covers time from
its own confirmation on. What happened in between is never delivered.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import exp, log
from random import Random
from typing import NamedTuple

from services.aggregator import service as aggregator
from services.backfiller import service as backfiller
from services.ingestor import service as ingestor
from shared.adapters.bus import memory as memory_bus
from shared.adapters.clock.manual import ManualClock
from shared.adapters.clock.system import SystemClock
from shared.adapters.recorded_trades import AUTO, read_recorded
from shared.adapters.stores import memory as memory_store
from shared.adapters.wire.read_report import ReadReport
from shared.domain.candle import Candle, CandleSource
from shared.domain.feed import FeedAlive, FeedConnected, FeedDisconnected, FeedEvent, FeedTrades
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.domain.trade import Trade
from shared.messages.catalog import CANDLES, TRADES, subscription
from shared.runtime.sections import AggregatorSection, BackfillerSection, IngestorSection
from tests.makers import EXCHANGE, MINUTE, make_candle, recorded

SHORTEST, LONGEST = 1_000, 600_000  # ms
GRACE = AggregatorSection().grace
PACKS, MINE = subscription(TRADES, "aggregator"), subscription(CANDLES, "backfiller")


class Dropout(NamedTuple):
    """No connection in ``cut <= time < back`` (ms UTC)."""

    cut: int
    back: int


def read(folder: str, name: str, symbol: str) -> list[Trade]:
    """A recording, by time."""
    path = recorded(folder, name)
    found = read_recorded((path,), symbol=symbol, format_name=AUTO, columns=None, report=ReadReport())
    return sorted(found, key=lambda trade: (trade.event_time, trade.sequence, trade.ordinal))


def random_dropouts(random: Random, start: int, end: int, gap: int, longest: int = LONGEST) -> Iterator[Dropout]:
    """Drop-outs that begin between `start` and `end`, up to twice `gap` ms apart; short ones are the most frequent, as
    they are live."""
    time = start + random.randint(1, 2 * gap)
    while time < end:
        length = round(exp(random.uniform(log(SHORTEST), log(longest))))
        yield Dropout(time, time + length)
        time += length + random.randint(1, 2 * gap)


def id_jumps(trades: Sequence[Trade]) -> list[Dropout]:
    """Where ids that count up by one are missing: from the trade before the jump to the one behind it."""
    ordered = sorted(trades, key=lambda trade: int(trade.trade_id))
    return [
        Dropout(before.event_time + 1, after.event_time)
        for before, after in pairwise(ordered)
        if int(after.trade_id) != int(before.trade_id) + 1
    ]


@dataclass(frozen=True)
class Session:
    """A market from `start` to `end` (whole minutes, ms UTC), and when nobody was connected to it."""

    trades: Sequence[Trade]
    dropouts: Sequence[Dropout]
    start: int
    end: int

    @classmethod
    def over(cls, trades: Sequence[Trade], dropouts: Sequence[Dropout]) -> "Session":
        """From the minute of the first trade to a minute behind the last trade and drop-out."""
        last = max([trades[-1].event_time, *(dropout.back for dropout in dropouts)])
        floor = Timeframe.M1.floor
        return cls(trades, dropouts, floor(trades[0].event_time), floor(last) + 2 * MINUTE)

    @property
    def minutes(self) -> range:
        """Open times."""
        return range(self.start, self.end, MINUTE)

    def seen(self) -> list[Trade]:
        """Trades that were delivered."""
        return [t for t in self.trades if not any(d.cut <= t.event_time < d.back for d in self.dropouts)]

    def truth(self) -> dict[int, Candle]:
        """The venue's klines, folded from all trades: each opens at the close before it, the first at its own first
        trade."""
        by_minute = defaultdict(list)
        for trade in self.trades:
            by_minute[Timeframe.M1.floor(trade.event_time)].append(trade)
        close, found = self.trades[0].price, {}
        for minute in self.minutes:
            inside = by_minute[minute]
            paid = [close, *(trade.price for trade in inside)]
            figures = (paid[0], max(paid), min(paid), paid[-1])
            sums = sum(trade.quantity for trade in inside), sum(trade.price * trade.quantity for trade in inside)
            names = ("open", "high", "low", "close", "quantity", "turnover")
            texts = dict(zip(names, map(str, (*figures, *sums)), strict=True))
            found[minute] = make_candle(
                minute, symbol=self.trades[0].symbol, trades=0, source=CandleSource.EXCHANGE, **texts
            )
            close = paid[-1]
        return found

    def touched(self) -> set[int]:
        """Minutes of which a drop-out hides a part. One that was over for less than the grace is among them: late
        trades of it might have been missed."""
        return {
            minute
            for minute in self.minutes
            if any(d.cut < minute + MINUTE + GRACE and minute < d.back for d in self.dropouts)
        }

    def unprovable(self) -> set[int]:
        """Minutes that must be incomplete: the touched ones, and those that would open at a close nobody has seen. The
        close before the first minute is one of these."""
        times = defaultdict(list)
        for trade in self.seen():
            times[Timeframe.M1.floor(trade.event_time)].append(trade.event_time)
        touched, found, is_known = self.touched(), set(), False
        for minute in self.minutes:
            if minute in touched or not is_known:
                found.add(minute)
            if times[minute]:
                last = max(times[minute])
                is_known = not any(d.cut < minute + MINUTE + GRACE and last < d.back for d in self.dropouts)
            else:
                is_known = is_known and minute not in touched
        return found

    def events(self, step: int) -> Iterator[tuple[int, FeedEvent | None]]:
        """What the feed says, and when; None while only time passes. Frames and signs of life come every `step` ms."""
        starts = [self.start, *(dropout.back for dropout in self.dropouts)]
        ends = [*(dropout.cut for dropout in self.dropouts), self.end + 30_000]
        frames = defaultdict(list)
        for trade in self.seen():
            frames[trade.event_time // step].append(trade)
        symbol = self.trades[0].symbol
        for number, (begin, cut) in enumerate(zip(starts, ends, strict=True)):
            yield begin, FeedConnected((symbol,), {}, begin)
            for slot in range(begin // step, (cut - 1) // step + 1):
                until = min(cut, (slot + 1) * step)
                inside = tuple(trade for trade in frames[slot] if begin <= trade.event_time < cut)
                yield until, FeedTrades(inside, until, until) if inside else FeedAlive(until)
            yield cut, FeedDisconnected("cut")
            for time in range(cut, starts[number + 1] if number + 1 < len(starts) else cut, step):
                yield time, None


class Venue:
    """A `MarketHistory` that knows the truth, or nothing."""

    exchange = EXCHANGE

    def __init__(self, clock: ManualClock, truth: dict[int, Candle]) -> None:
        self._clock = clock
        self._truth = truth

    async def candles(self, symbol, timeframe, start, end):
        del symbol
        end = min(end, timeframe.floor(self._clock.now()))
        return [self._truth[minute] for minute in range(start, end, timeframe.millis) if minute in self._truth]

    async def symbols(self):
        return frozenset()


class _Feed:
    """A `TradeFeed` that plays a session; the clock follows it, and everybody may work between two events."""

    exchange = EXCHANGE

    def __init__(self, clock: ManualClock, events: Iterable[tuple[int, FeedEvent | None]], turns: int) -> None:
        self._clock = clock
        self._events = events
        self._turns = turns
        self.ended = asyncio.Event()

    async def events(self, symbols):
        del symbols
        for time, event in self._events:
            self._clock.advance_to(time)
            if event is not None:
                yield event
            for _ in range(self._turns):
                await asyncio.sleep(0)
        self.ended.set()
        await asyncio.Event().wait()


class Home:
    """Ingestor, aggregator and backfiller with the settings' defaults, on a memory bus and store."""

    def __init__(self, session: Session, truth: dict[int, Candle]) -> None:
        self.session = session
        self.clock = ManualClock(session.start)
        self.store = memory_store.create(memory_store.Options(), self.clock)
        self.bus = memory_bus.create(memory_bus.Options(), self.clock)
        self.symbol = session.trades[0].symbol
        self._venue = Venue(self.clock, truth)

    @property
    def unhealed(self) -> int:
        """Messages that the backfiller has not acknowledged."""
        backlog = self.bus.backlog(CANDLES.topic, MINE)
        return backlog.queued + backlog.held

    async def play(self, step: int, turns: int = 3) -> None:
        """The whole session, from the feed's first word to the aggregator's last candle."""
        await (await self.bus.subscribe(CANDLES.topic, MINE)).release()
        await (await self.bus.subscribe(TRADES.topic, PACKS)).release()
        feed = _Feed(self.clock, self.session.events(step), turns)
        world = {"bus": self.bus, "clock": self.clock}
        sections = IngestorSection().model_dump(), AggregatorSection().model_dump()
        reader = ingestor.create(
            feed=feed, history=None, symbols=(self.symbol,), run_prefix="live", **world, **sections[0]
        )
        folder = aggregator.create(
            store=self.store,
            documents=self.store,
            is_gone=lambda _: False,
            machine_clock=SystemClock(),
            holder="alone",
            exchange=EXCHANGE,
            **world,
            **sections[1],
        )
        async with working(folder), working(reader), asyncio.timeout(60):
            await feed.ended.wait()
            await self.bus.idle(TRADES.topic, PACKS)

    def backfiller(self, **fields):
        """A backfiller that may ask the venue."""
        return backfiller.create(
            history=self._venue,
            store=self.store,
            documents=self.store,
            bus=self.bus,
            clock=self.clock,
            symbols=(self.symbol,),
            open_mode=AggregatorSection().open_mode,
            counts_marked=True,
            **(BackfillerSection().model_dump() | fields),
        )

    async def candles(self) -> dict[int, Candle]:
        """What is stored, by open time."""
        found = await self.store.read(
            Instrument(EXCHANGE, self.symbol), Timeframe.M1, self.session.start, self.session.end
        )
        return {candle.open_time: candle for candle in found}

    async def until(self, condition) -> None:
        """Let time pass, a second at a time, until `condition` holds."""
        async with asyncio.timeout(20):
            while not condition():
                self.clock.advance_to(self.clock.now() + 1_000)
                for _ in range(20):
                    await asyncio.sleep(0)


@asynccontextmanager
async def working(service):
    """A service at work; it is cancelled at the end."""
    task = asyncio.create_task(service.run())
    await asyncio.sleep(0)
    try:
        yield service
    finally:
        task.cancel()
        (end,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(end, asyncio.CancelledError), end


def figures(candle: Candle) -> tuple[Decimal, ...]:
    """What a candle says, whoever made it."""
    return candle.open, candle.high, candle.low, candle.close, candle.quantity, candle.turnover
