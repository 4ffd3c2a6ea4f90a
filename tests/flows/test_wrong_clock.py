"""A local clock that is set or drifts while trades flow moves no candle: all of the live path goes by the venue.

No real time passes: the socket moves a manual clock to the arrival of its next frame.
"""

from collections.abc import Callable
from random import Random

import pytest

from shared.adapters.clock.manual import ManualClock
from shared.adapters.websocket_talk import Answered, Lost, Memory, Ponged, Talk, Timing
from shared.domain.candle import Candle, OpenMode
from shared.domain.feed import FeedAlive, FeedConnected, FeedTrades
from shared.engine.candle_builder import CandleBuilder
from shared.engine.feed_watch import TopicWatch, VenueTime, WatchLimits
from shared.engine.packer import Packer
from shared.errors import InvariantViolation
from tests.makers import EXCHANGE, MINUTE, START, make_trade

SYMBOLS = ("BTCUSDT", "ETHUSDT")
MINUTES = 12
TIMING = Timing(watch=WatchLimits(silence=600, topic_silence=600))


class WrongClock(ManualClock):
    """Its wall time is `ahead` of the true time, by a figure that depends on the true time."""

    def __init__(self, ahead: Callable[[int], int]) -> None:
        super().__init__(START)
        self._ahead = ahead

    def now(self):
        return super().now() + self._ahead(super().now() - START)

    @property
    def true(self) -> int:
        return super().now()


def market() -> list[tuple[int, FeedTrades]]:
    """Arrival and frame. Each minute is busy for 20 s, then quiet, and trades once more 2 s before its end."""
    choose, frames = Random(5), []  # noqa: S311 - the same market in every run
    for minute in range(MINUTES):
        start = START + minute * MINUTE
        for number, at in enumerate([*sorted(choose.sample(range(100, 20_000), 40)), 58_000, 58_001]):
            price = str(choose.randrange(9_000, 11_000))
            trade = make_trade(start + at, price, symbol=SYMBOLS[number % 2], trade_id=f"{minute}/{number}")
            frames.append((start + at + choose.randrange(5, 80), FeedTrades((trade,), start + at + 2, 0)))
    return sorted(frames, key=lambda item: item[0])


class Script:
    """Socket and dialect in one."""

    def __init__(self, clock: WrongClock) -> None:
        self._clock = clock
        self._frames = market()[::-1]
        self._frames.append((START, Answered(ok=True, req_id="s1")))

    async def send(self, message):
        if message.startswith("p"):
            self._frames.append((self._clock.true + 30, Ponged(message)))
            self._frames.sort(key=lambda item: -item[0])

    async def recv(self, _decode):
        if not self._frames:
            raise Lost("the script is over")
        tick = self._clock.true + int(TIMING.tick * 1000)
        if self._frames[-1][0] > tick:
            self._clock.advance_to(tick)
            raise TimeoutError
        at, frame = self._frames.pop()
        self._clock.advance_to(at)
        return frame

    def batches(self, symbols):
        return [tuple(symbols)]

    def subscribe(self, _symbols, req_id):
        return req_id

    ping = staticmethod(str)

    def decode(self, frame, receive_time):
        if isinstance(frame, FeedTrades):
            return FeedTrades(frame.trades, frame.venue_time, receive_time)
        return frame


async def candles_seen_by(ahead: Callable[[int], int]) -> tuple[list[Candle], int]:
    """All candles in order of their closing, revisions too; and how often an answered ping moved the watermark."""
    clock = WrongClock(ahead)
    script, packer = Script(clock), Packer(EXCHANGE, 1, 100, lambda _trade: True)
    builder = CandleBuilder(
        exchange=EXCHANGE, open_mode=OpenMode.PREVIOUS_CLOSE, grace=500, patience=15_000, retention=300_000
    )
    talk = Talk(script, script, clock, TIMING, Memory(TopicWatch(TIMING.watch), VenueTime()))
    candles, pings = [], 0
    with pytest.raises(Lost, match="the script is over"):  # noqa: PT012 - the script ends by being lost
        async for event in talk.events(SYMBOLS):
            match event:
                case FeedConnected():
                    packer.connected(event, "r-1")
                case FeedTrades():
                    packer.trades(event, clock.monotonic())
                case FeedAlive():
                    packer.alive(event)
                    pings += 1
                case _:
                    raise InvariantViolation(f"not in this script: {event}")
            for pack in packer.flush(clock.monotonic()):
                candles += builder.on_pack(pack)
    return candles, pings


@pytest.mark.parametrize(
    "ahead",
    [
        lambda at: 5_000 if at > 3 * MINUTE + 30_000 else 0,
        lambda at: -5_000 if at > 3 * MINUTE + 30_000 else 0,
        lambda at: 5_000 if (at + 25_000) // MINUTE % 2 else 0,  # set to and fro, each time while nobody trades
        lambda at: -5_000 if at // 7_000 % 2 else 0,
        lambda at: at // 10_000,  # 100 ppm
        lambda at: -(at // 10_000),
        lambda at: 3_600_000 if at > 5 * MINUTE else 0,
    ],
    ids=["+5 s", "-5 s", "+5 s to and fro", "-5 s to and fro", "+100 ppm", "-100 ppm", "an hour"],
)
async def test_no_candle_moves(ahead):
    right, _ = await candles_seen_by(lambda _at: 0)
    seen, pings = await candles_seen_by(ahead)
    assert seen == right
    assert pings > MINUTES


async def test_the_candles_of_that_market_are_complete_and_never_revised():
    candles, _ = await candles_seen_by(lambda _at: 0)
    assert {(candle.symbol, candle.open_time) for candle in candles if candle.complete} == {
        (symbol, START + minute * MINUTE) for symbol in SYMBOLS for minute in range(1, MINUTES - 1)
    }
    assert {candle.revision for candle in candles} == {0}
