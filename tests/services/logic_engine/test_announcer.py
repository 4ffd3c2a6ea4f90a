import pytest

from services.logic_engine.announcer import Announcer
from shared.adapters.bus.memory import MemoryBus
from shared.adapters.bus.memory import Options as BusOptions
from shared.adapters.stores.memory import MemoryStore
from shared.domain.candle import CandleSource
from shared.domain.timeframe import Timeframe
from shared.engine.data_watch import Arrival, DataWatch
from shared.errors import Unavailable
from shared.messages.catalog import NOTICES, subscription
from shared.messages.codec import decode
from tests.makers import EXCHANGE, MINUTE, START, make_candle
from tests.services.logic_engine.failing import Failing

SINCE = START + 10 * MINUTE
STALE = f"stale/{EXCHANGE}/{SINCE}/0"
RESUMED = f"stale/{EXCHANGE}/{SINCE}/1"


def minute(number):
    return START + number * MINUTE


class World:
    """Documents, candles and a bus with a listener that announcers share."""

    def __init__(self):
        self.documents = Failing(MemoryStore())
        self.store = Failing(MemoryStore())
        self.bus = Failing(MemoryBus(BusOptions()))
        self.heard = None

    async def start(self):
        self.heard = await self.bus.subscribe(NOTICES.topic, subscription(NOTICES, "telegram_notifier"))

    def announcer(self, started=0):
        return Announcer(
            DataWatch(EXCHANGE, 3 * MINUTE, minute(started)),
            documents=self.documents,
            store=self.store,
            bus=self.bus,
            timeframe=Timeframe.M1,
        )

    async def published(self):
        """Messages since the last call; waits for the first."""
        deliveries = await self.heard.pull()
        await self.heard.ack(deliveries)
        return {delivery.message.attributes["id"]: decode(delivery.message) for delivery in deliveries}

    @property
    def waiting(self):
        return self.bus.backlog(NOTICES.topic, subscription(NOTICES, "telegram_notifier")).queued


@pytest.fixture
async def world():
    world = World()
    await world.start()
    return world


def until(number):
    return {"BTCUSDT": Arrival(minute(number), minute(number))}


async def test_an_outage_is_said_once_by_however_many_engines_and_lives(world):
    first, second = world.announcer(), world.announcer()
    await first.look(minute(12), until(10))
    assert world.waiting == 0
    for number in (14, 15, 16):
        await first.look(minute(number), until(10))
        await second.look(minute(number), until(10))
        await world.announcer().look(minute(number), until(10))
    (message_id,) = said = await world.published()
    assert message_id == STALE
    assert (said[STALE].symbols, said[STALE].since) == (("BTCUSDT",), SINCE)


async def test_the_all_clear_counts_the_minutes_the_venue_gave(world):
    announcer = world.announcer()
    await announcer.look(minute(14), until(10))
    await world.published()
    healed = [make_candle(minute(n), source=CandleSource.EXCHANGE) for n in range(8, 2_013)]
    await world.store.write([*healed, *[make_candle(minute(n)) for n in range(2_013, 2_016)]])
    await world.store.write([make_candle(minute(11), symbol="ETHUSDT", source=CandleSource.EXCHANGE)])
    await announcer.look(minute(2_017), until(2_016))
    said = await world.published()
    assert list(said) == [RESUMED]
    assert (said[RESUMED].healed, said[RESUMED].until) == (2_003, minute(2_016))


@pytest.mark.parametrize("away", ["publish", "save_document", "load_document"])
async def test_what_an_outage_of_bus_or_store_kept_back_is_said_by_the_next_life(world, away):
    world.bus.away = world.documents.away = {away}
    with pytest.raises(Unavailable):
        await world.announcer().look(minute(14), until(10))
    assert world.waiting == 0
    world.bus.away = world.documents.away = set()
    await world.announcer().look(minute(14), until(10))
    assert list(await world.published()) == [STALE]


async def test_an_all_clear_that_died_before_it_was_published_is_published_by_the_next_life(world):
    await world.announcer().look(minute(14), until(10))
    await world.published()
    world.bus.away = {"publish"}
    with pytest.raises(Unavailable):
        await world.announcer().look(minute(20), until(20))
    world.bus.away = set()
    await world.announcer(started=60).look(minute(61), until(61))
    said = await world.published()
    assert {name: notice.until for name, notice in said.items()} == {RESUMED: minute(20)}


async def test_one_that_died_before_it_was_marked_is_published_again_under_the_same_id(world):
    died = world.announcer()
    world.bus.publish = dying(world.bus.publish, world.documents)
    with pytest.raises(Unavailable):
        await died.look(minute(14), until(10))
    del world.bus.publish
    world.documents.away = set()
    await world.announcer().look(minute(15), until(10))
    deliveries = await world.heard.pull()
    assert [delivery.message.attributes["id"] for delivery in deliveries] == [STALE, STALE]


def dying(publish, documents):
    """`publish` after which no document can be stored."""

    async def published(*arguments):
        await publish(*arguments)
        documents.away = {"save_document"}

    return published
