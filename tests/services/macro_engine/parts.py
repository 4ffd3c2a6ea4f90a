"""Stand-ins for the macro engine's tests: a venue that lists 5-minute candles, a store and a bus on a manual clock."""

from dataclasses import dataclass, field

from services.macro_engine.macro_round import MacroRound
from shared.adapters.bus import memory as memory_bus
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory as memory_store
from shared.domain.macro_bias import MacroBias
from shared.domain.timeframe import Timeframe
from shared.engine.macro_calibration import Calibration
from shared.messages.catalog import MACRO_BIAS
from shared.messages.codec import decode
from tests.engine.macro_markets import FIVE, HOUR, market
from tests.makers import EXCHANGE, MINUTE, START, make_candle

NOW = START + 7_000
SURE = Calibration(((0.0, 40.0), (0.3, 90.0)))


class FakeVenue:
    """Lists a rising market up to the clock's time, except what is in `absent`; `error` is raised once set."""

    exchange = "kraken-spot"

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._all = market(1_000, drift=0.02, start=START - 400 * FIVE)
        self.absent: set[int] = set()
        self.errors: dict[str, Exception] = {}
        self.asked: list[str] = []

    async def candles(self, symbol, timeframe, start, end):
        assert timeframe is Timeframe.M5
        self.asked.append(symbol)
        if error := self.errors.get(symbol) or self.errors.get(""):
            raise error
        end = min(end, timeframe.floor(self._clock.now()))
        return [c for c in self._all if start <= c.open_time < end and c.open_time not in self.absent]

    async def symbols(self):
        return frozenset({"BTCUSDT"})


@dataclass
class World:
    """Everything around a round."""

    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        self.store = memory_store.create(memory_store.Options(), self.clock)
        self.bus = memory_bus.create(memory_bus.Options(), self.clock)
        self.venue = FakeVenue(self.clock)

    def round(self, *, venue: bool = True) -> MacroRound:
        return MacroRound(
            self.venue if venue else None,
            self.store,
            self.bus,
            exchange=EXCHANGE,
            symbols=self.symbols,
            calibration=SURE,
            ttl=4 * HOUR,
        )

    async def fill_store(self, symbol: str, hours: int = 26) -> None:
        """Falling minutes of our own up to the clock's time."""
        end = Timeframe.M1.floor(self.clock.now())
        times = range(end - hours * HOUR, end, MINUTE)
        for number, time in enumerate(times):
            close, opened = f"{200 - number * 0.01:.2f}", f"{200.01 - number * 0.01:.2f}"
            prices = {"open": opened, "high": opened, "low": close, "symbol": symbol}
            await self.store.write([make_candle(time, close, **prices)])


async def told(source) -> list[MacroBias]:
    """Every bias that waits on a subscription."""
    return [decode(delivery.message) for delivery in await source.pull()]


async def listen(world: World):
    """A subscription that gets what is published from now on."""
    return await world.bus.subscribe(MACRO_BIAS.topic, "test")
