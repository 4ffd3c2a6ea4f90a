"""Stand-ins for the backfiller's tests: a venue's history, and the pieces around it on a clock that stands still."""

from dataclasses import dataclass, field

from services.backfiller.filler import Filler
from shared.adapters.bus import memory as memory_bus
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory as memory_store
from shared.domain.candle import Candle, CandleSource
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.messages.catalog import CANDLES
from shared.messages.codec import decode, encode
from shared.ports import Subscription
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle

NOW = START + 100 * MINUTE


class FakeHistory:
    """Lists one candle for each minute that is over, except those in `absent`; `error` is raised once set."""

    exchange = EXCHANGE

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.absent: set[int] = set()
        self.listed: dict[int, Candle] = {}  # instead of the usual ones, by number of the minute
        self.error: Exception | None = None
        self.calls: list[tuple[str, int, int]] = []

    async def candles(self, symbol, timeframe, start, end):
        self.calls.append((symbol, (start - START) // MINUTE, (end - START) // MINUTE))
        if self.error:
            raise self.error
        end = min(end, timeframe.floor(self._clock.now()))
        numbers = [(t - START) // MINUTE for t in range(start, end, MINUTE)]
        return [
            self.listed.get(number) or venue_candle(START + number * MINUTE, symbol)
            for number in numbers
            if number not in self.absent
        ]

    async def symbols(self):
        return frozenset({SYMBOL})


def venue_candle(open_time: int, symbol: str = SYMBOL, **fields) -> Candle:
    return make_candle(open_time, close="7", symbol=symbol, trades=0, source=CandleSource.EXCHANGE, **fields)


@dataclass
class World:
    """A store, a bus and a venue, at minute 100 and a half."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW + 30_000))

    def __post_init__(self) -> None:
        self.store = memory_store.create(memory_store.Options(), self.clock)
        self.bus = memory_bus.create(memory_bus.Options(), self.clock)
        self.history = FakeHistory(self.clock)
        self.filler = Filler(self.history, self.store, self.bus)

    async def listen(self, name: str = "test") -> Subscription:
        return await self.bus.subscribe(CANDLES.topic, name)

    async def tell(self, *candles: Candle) -> None:
        """What the aggregator does with a candle that is over."""
        await self.store.write(candles)
        await self.bus.publish(CANDLES.topic, [encode(CANDLES, candle, message_id="x") for candle in candles])

    async def stored(self, symbol: str = SYMBOL) -> dict[int, Candle]:
        """By number of the minute."""
        candles = await self.store.read(Instrument(EXCHANGE, symbol), Timeframe.M1, 0, NOW * 2)
        return {(candle.open_time - START) // MINUTE: candle for candle in candles}

    def left(self, subscription: str = "test") -> int:
        """Messages the subscription has not acknowledged."""
        backlog = self.bus.backlog(CANDLES.topic, subscription)
        return backlog.queued + backlog.held


async def told(source: Subscription, count: int) -> list[Candle]:
    """The next messages as candles."""
    found: list[Candle] = []
    while len(found) < count:
        found += [decode(delivery.message) for delivery in await source.pull()]
    return found


def broken(minute: int, **fields) -> Candle:
    """An incomplete candle of ours."""
    return make_candle(START + minute * MINUTE, complete=False, **fields)
