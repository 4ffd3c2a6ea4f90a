"""A recording in, the calm truth about it out: its candles and signals, computed in this process at full speed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from services.cli.parts.output import read_settings
from services.cli.parts.verdict import Outcome
from services.sandbox.market import MINUTE
from services.sandbox.recorded_market import RecordedMarket
from services.wiring import Wiring
from shared.adapters.bus.memory import MemoryBus
from shared.adapters.clock.manual import ManualClock
from shared.adapters.clock.system import SystemClock
from shared.adapters.exchanges.recorded import RecordedExchange
from shared.domain.candle import Candle, CandleSource
from shared.domain.instrument import Instrument
from shared.domain.shadow import told
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput, InvariantViolation
from shared.messages.catalog import CANDLES, TRADES, subscription
from shared.runtime.host import Host

_EXCHANGE = "recorded"
_NAMES = ("aggregator", "logic_engine", "ingestor")
_ALL = 10_000_000
_HOUR = 3_600_000
_POLL_MILLIS = 5
_PATIENCE_SECONDS = 300.0


def first_candle(market: RecordedMarket, symbol: str, exchange: str) -> Candle:
    """The first minute of a recording, complete, as its venue's own klines have it.

    No trades can prove it: the close before it is not in the recording. Both runs begin behind it.

    Raises:
        InvalidInput: The minute holds nothing but block trades.
    """
    minute = market.minute(symbol, market.history_start)
    if minute is None:
        raise InvalidInput("the recording begins with a minute of block trades only; begin it with another minute")
    return Candle(
        exchange=exchange,
        symbol=symbol,
        timeframe=Timeframe.M1,
        open_time=market.history_start,
        open=minute.open,
        high=minute.high,
        low=minute.low,
        close=minute.close,
        quantity=minute.quantity,
        turnover=minute.turnover,
        trades=0,
        complete=True,
        source=CandleSource.EXCHANGE,
    )


async def golden(files: Sequence[Path], format_name: str, first: Candle, end: int) -> Outcome:
    """Run ingestor, aggregator and logic engine over the files by event time, in memory, undisturbed.

    Args:
        files: Trade files.
        format_name: How they are written.
        first: See `first_candle`.
        end: What is decided later does not count, ms UTC.

    Raises:
        InvariantViolation: A candle of the calm run is incomplete, or it does not come to its end.
    """
    clock = ManualClock()
    wiring = Wiring(read_settings(None, _overrides(files, format_name, first.symbol)), {"clock": clock})
    instrument = Instrument(_EXCHANGE, first.symbol)
    try:
        wiring.check(_NAMES)
        await wiring.store.write([replace(first, exchange=_EXCHANGE)])
        for contract, service in ((TRADES, "aggregator"), (CANDLES, "logic_engine")):
            view = await wiring.bus.subscribe(contract.topic, subscription(contract, service))
            await view.release()
        await _play(wiring, clock, instrument)
        candles = await wiring.store.read(instrument, Timeframe.M1, 0, end)
        lines = told(await wiring.store.signals(_ALL))
    finally:
        await wiring.close()
    broken = [candle.open_time for candle in candles if not candle.complete]
    if broken or len(candles) != (end - first.open_time) // MINUTE:
        raise InvariantViolation(f"the calm run has incomplete or missing candles, which proves nothing: {broken[:5]}")
    return Outcome(candles, [line for line in lines if line.time <= end])


async def _play(wiring: Wiring, clock: ManualClock, instrument: Instrument) -> None:
    host = Host(wiring.services(_NAMES), clock)
    running = asyncio.create_task(host.run(), name="golden")
    finished = asyncio.create_task(_finished(wiring, instrument), name="golden end")
    try:
        await asyncio.wait([running, finished], return_when=asyncio.FIRST_COMPLETED)
        if not finished.done():
            await running  # raises why the services ended
            raise InvariantViolation("the calm run ended before the recording did")
        await finished
    finally:
        finished.cancel()
        host.stop()
        await asyncio.gather(running, finished, return_exceptions=True)


async def _finished(wiring: Wiring, instrument: Instrument) -> None:
    """Return when the last candle is stored and everything on the bus has been acted on."""
    feed, bus, real = wiring.market, wiring.bus, SystemClock()
    deadline = real.monotonic() + _PATIENCE_SECONDS
    while True:
        newest = (await wiring.store.read_latest([instrument], Timeframe.M1, 1))[instrument]
        ended = isinstance(feed, RecordedExchange) and feed.end is not None
        if ended and newest and isinstance(feed, RecordedExchange) and newest[-1].close_time >= (feed.end or 0):
            break
        if real.monotonic() > deadline:
            raise InvariantViolation(f"the calm run did not end within {_PATIENCE_SECONDS:.0f} s")
        await real.sleep(_POLL_MILLIS)
    if isinstance(bus, MemoryBus):
        await bus.idle(CANDLES.topic, subscription(CANDLES, "logic_engine"))


def _overrides(files: Sequence[Path], format_name: str, symbol: str) -> dict[str, object]:
    return {
        "symbols": [symbol],
        "exchange": _EXCHANGE,
        "bus": "memory",
        "store": "memory",
        "outbox": "",
        "recorded": {"files": [str(file) for file in files], "format": format_name},
        "memory_bus": {"max_outstanding": 1_000_000},
        "aggregator": {"patience": _HOUR, "retention": 2 * _HOUR, "forming_every": 15_000},
        "logic_engine": {"live_from": 0},
    }
