"""Scripts and a gate in, evaluators over one store and one bus out, and what they have said."""

from functools import partial

from services.logic_engine.evaluator import Evaluator
from services.logic_engine.gate_keeper import GateKeeper
from services.logic_engine.near_miss_log import NearMissLog
from shared.adapters.bus.memory import MemoryBus
from shared.adapters.bus.memory import Options as BusOptions
from shared.adapters.stores.memory import MemoryStore
from shared.domain.book import BookKey
from shared.domain.signal import Side
from shared.domain.timeframe import Timeframe
from shared.engine.entry_check import EntryPolicy
from shared.engine.strategy_runner import StrategyRunner
from shared.messages.catalog import SIGNALS, subscription
from shared.messages.codec import decode
from tests.engine.scripted_strategy import ScriptedStrategy
from tests.makers import EXCHANGE, MINUTE, START
from tests.services.logic_engine.failing import Failing, Fate

KEY = BookKey("scripted", EXCHANGE, "BTCUSDT")


def minute(number):
    return START + number * MINUTE


class World:
    """A store, a bus with a listener, and evaluators that share them."""

    def __init__(self):
        self.store = Failing(MemoryStore())
        self.bus = Failing(MemoryBus(BusOptions()))
        self.heard = None

    async def start(self):
        self.heard = await self.bus.subscribe(SIGNALS.topic, subscription(SIGNALS, "telegram_notifier"))

    def evaluator(self, scripts=None, warm_up=0, limits=None, fate=None):
        fate = fate or Fate()
        store, bus = fate.mortal(self.store), fate.mortal(self.bus)
        runners = {}
        policy = EntryPolicy(limits)
        for key, sides in (scripts or {KEY: {1: Side.LONG}}).items():
            script = {minute(number): side for number, side in sides.items()}
            make = partial(ScriptedStrategy, script, warm_up)
            runners[key] = StrategyRunner(make, Timeframe.M1, 3, policy=policy)
        return Evaluator(
            runners=runners,
            store=store,
            ledger=store,
            bus=bus,
            near_misses=NearMissLog(store),
            timeframe=Timeframe.M1,
            hole_patience=3,
            gate_keeper=self.keeper(limits) if limits else None,
        )

    def keeper(self, limits):
        return GateKeeper(self.store, [KEY.instrument], limits)

    async def book(self, key=KEY):
        return (await self.store.load_books([key]))[key]

    async def published(self):
        """Ids of the messages since the last call; waits for the first."""
        deliveries = await self.heard.pull()
        await self.heard.ack(deliveries)
        assert [decode(delivery.message).kind for delivery in deliveries]
        return [delivery.message.attributes["id"] for delivery in deliveries]


async def new_world():
    """A world with its listener."""
    world = World()
    await world.start()
    return world
