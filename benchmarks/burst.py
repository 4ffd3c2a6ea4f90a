"""A burst of trades at 20 times the normal rate for a minute: does the live path keep up, and how much memory grows?

Usage: python benchmarks/burst.py [--bus memory|sqlite] [--rate 30000] [--seconds 60]. The packer's trades travel
by the real ingestor line, codec, bus, aggregator and SQLite store of one process; market time is real time. Before and
after the burst comes a twentieth of its rate. Ends with 1 when a trade is lost, the lag is not below 1 s within 30 s of
the burst, or the rate was not reached.
"""

import argparse
import asyncio
import random
import resource
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from services.ingestor.pack_line import PackLine
from services.wiring import Wiring
from shared.adapters.clock.system import SystemClock
from shared.domain.feed import FeedAlive, FeedConnected, FeedTrades
from shared.domain.timeframe import Timeframe
from shared.domain.trade import Trade
from shared.engine.packer import Packer
from shared.runtime.service import Service
from shared.runtime.settings import load

EXCHANGE = "bybit-linear"
SYMBOLS = tuple(f"S{number}USDT" for number in range(9))
NORMAL_SHARE = 20
BEFORE, AFTER = 5, 30
GRACE = 1_000
TICK = 0.02
"""Seconds between two frames of each symbol."""


@dataclass
class Result:
    """Lag is the aggregator's: now minus its watermark, seconds."""

    sent: int = 0
    stored: int = 0
    incomplete: int = 0
    taken_at_end: int = 0
    sent_at_end: int = 0
    lags: list[float] = field(default_factory=list)
    lag_after: float = 0.0
    recovered: float | None = None
    rss_before: int = 0
    rss_after: int = 0


class Market:
    """Trades of all symbols, made as they fall due. Prices and sizes are drawn before: the venue's work is not ours."""

    def __init__(self) -> None:
        choose = random.Random(7)  # noqa: S311 - the same trades in every run
        self._prices = [Decimal(choose.randrange(900_000, 1_100_000)).scaleb(-2) for _ in range(4_096)]
        self._sizes = [Decimal(choose.randrange(1, 100_000)).scaleb(-3) for _ in range(4_099)]
        self.made = 0

    def frame(self, symbol: str, since: int, until: int, count: int) -> FeedTrades:
        trades = []
        for number in range(count):
            self.made += 1
            place = self.made
            price, size = self._prices[place % 4_096], self._sizes[place % 4_099]
            at = since + (until - since) * number // count
            trades.append(Trade(symbol, at, price, size, f"{place:036d}", sequence=place))
        return FeedTrades(tuple(trades), until, until)


async def trade(line: PackLine, market: Market, rate: int, seconds: float, clock: SystemClock) -> None:
    """Frames for so long, `rate` trades a second in all; a loop that is held up catches up with what was due."""
    begin = clock.now()
    sent, last = 0, begin
    while last < begin + seconds * 1000:
        await asyncio.sleep(TICK)
        now = clock.now()
        due = rate * (now - begin) // 1000 - sent
        for number, symbol in enumerate(SYMBOLS):
            count = due // len(SYMBOLS) + (number < due % len(SYMBOLS))
            if count:
                line.take(market.frame(symbol, last, now, count))
        sent, last = sent + due, now


def rss() -> int:
    """Bytes of memory this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def watch(result: Result, over: asyncio.Event, made: Service) -> None:
    """Note the lag ten times a second."""
    while not over.is_set():
        result.lags.append(float(made.health().facts["lag_ms"]) / 1000)
        await asyncio.sleep(0.1)


async def recover(made: Service, seconds: int) -> float | None:
    """Seconds until the lag is below 1 s."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if float(made.health().facts["lag_ms"]) < 1_000:
            return time.monotonic() - begin
        await asyncio.sleep(0.1)
    return None


async def stored(wiring: Wiring) -> tuple[int, int]:
    """Trades in all stored candles, and how many of these candles are incomplete."""
    everything = [
        candle
        for instrument in await wiring.store.instruments(Timeframe.M1)
        for candle in await wiring.store.read(instrument, Timeframe.M1, 0, 1 << 60)
    ]
    return sum(candle.trades for candle in everything), sum(not candle.complete for candle in everything)


async def measure(bus_name: str, rate: int, seconds: int, folder: Path) -> tuple[Result, PackLine]:
    clock, market, result, over = SystemClock(), Market(), Result(), asyncio.Event()
    wiring = Wiring(load(None, {}, {"bus": bus_name, "data_dir": str(folder)}, default_file=None), {"clock": clock})
    (made,) = wiring.services(["aggregator"])
    line = PackLine(
        packer=Packer(EXCHANGE, 1, 100, lambda _trade: True),
        bus=wiring.bus, exchange=EXCHANGE, run_prefix="b", clock=clock, most_waiting=10_000_000,
    )  # fmt: skip
    tasks = [asyncio.create_task(made.run()), asyncio.create_task(line.publish_forever())]
    await asyncio.sleep(0.5)
    line.take(FeedConnected(SYMBOLS, {}, clock.now()))
    await trade(line, market, rate // NORMAL_SHARE, BEFORE, clock)
    result.rss_before = rss()
    watcher, begin = asyncio.create_task(watch(result, over, made)), market.made
    folded = int(made.health().facts["trades"])
    await trade(line, market, rate, seconds, clock)
    result.sent_at_end = market.made - begin
    result.taken_at_end = int(made.health().facts["trades"]) - folded
    result.lag_after, result.rss_after = float(made.health().facts["lag_ms"]) / 1000, rss()
    calm = asyncio.create_task(trade(line, market, rate // NORMAL_SHARE, AFTER, clock))
    result.recovered = await recover(made, AFTER)
    await calm
    over.set()
    await watcher
    result.sent = market.made
    line.take(FeedAlive(Timeframe.M1.floor(clock.now()) + Timeframe.M1.millis + GRACE))
    for _ in range(100):
        result.stored, result.incomplete = await stored(wiring)
        if result.stored == result.sent:
            break
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await wiring.close()
    return result, line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bus", choices=["memory", "sqlite"], default="memory")
    parser.add_argument("--rate", type=int, default=30_000)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cpu = time.process_time()
        result, line = asyncio.run(measure(options.bus, options.rate, options.seconds, Path(folder)))
        cpu = time.process_time() - cpu
    lost = result.sent - result.stored
    print(f"bus {options.bus}, store sqlite, {options.rate} trades/s for {options.seconds} s, then {AFTER} s calm")
    print(f"sent in the burst      {result.sent_at_end:>12,}   {result.sent_at_end / options.seconds:>10,.0f} /s")
    print(f"folded by its end      {result.taken_at_end:>12,}   {result.taken_at_end / options.seconds:>10,.0f} /s")
    print(f"lag, worst and at end  {max(result.lags):>12.2f} s {result.lag_after:>10.2f} s")
    print(f"lag below 1 s after    {'never' if result.recovered is None else f'{result.recovered:.1f} s':>12}")
    print(f"memory growth          {(result.rss_after - result.rss_before) / 1e6:>12.0f} MB")
    print(f"trades lost            {lost:>12}   (given up {line.lost}; incomplete candles {result.incomplete})")
    each = cpu / result.sent
    print(f"CPU                    {each * 1e6:>12.1f} us a trade: {1 / each:,.0f} /s on a free core")
    reached = result.taken_at_end >= 0.95 * options.rate * options.seconds
    return 0 if reached and result.recovered is not None and lost == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
