from functools import partial

import pytest

from services.logic_engine.evaluator import Evaluator
from shared.adapters.bus.memory import MemoryBus
from shared.adapters.bus.memory import Options as BusOptions
from shared.adapters.stores.memory import MemoryStore
from shared.domain.book import BookKey
from shared.domain.candle import FormingCandle
from shared.domain.signal import Side
from shared.domain.timeframe import Timeframe
from shared.engine.strategy_runner import StrategyRunner
from shared.errors import Unavailable
from shared.messages.catalog import SIGNALS, subscription
from shared.messages.codec import decode
from tests.engine.scripted_strategy import ScriptedStrategy
from tests.makers import EXCHANGE, MINUTE, START, make_candle
from tests.services.logic_engine.failing import Failing

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

    def evaluator(self, scripts=None, warm_up=0):
        runners = {}
        for key, sides in (scripts or {KEY: {1: Side.LONG}}).items():
            script = {minute(number): side for number, side in sides.items()}
            runners[key] = StrategyRunner(partial(ScriptedStrategy, script, warm_up), Timeframe.M1, 3)
        return Evaluator(
            runners=runners,
            store=self.store,
            ledger=self.store,
            bus=self.bus,
            timeframe=Timeframe.M1,
            hole_patience=3,
        )

    async def book(self, key=KEY):
        return (await self.store.load_books([key]))[key]

    async def published(self):
        """Ids of the messages since the last call; waits for the first."""
        deliveries = await self.heard.pull()
        await self.heard.ack(deliveries)
        assert [decode(delivery.message).kind for delivery in deliveries]
        return [delivery.message.attributes["id"] for delivery in deliveries]


@pytest.fixture
async def world():
    world = World()
    await world.start()
    return world


ENTRY = f"scripted/BTCUSDT/{minute(1)}/LONG"


async def test_a_signal_is_stored_then_published_once_with_an_id_made_of_itself(world):
    await world.store.write([make_candle(minute(n)) for n in range(3)])
    evaluator = world.evaluator()
    await evaluator.evaluate({"BTCUSDT"})
    await evaluator.evaluate({"BTCUSDT"})
    assert await world.published() == [f"{ENTRY}/0"]
    assert [line.signal_id for line in await world.store.signals(10)] == [ENTRY]
    book = await world.book()
    assert (book.evaluated_to, book.unpublished, book.version) == (minute(2), (), 2)
    assert (evaluator.progress.evaluated, evaluator.progress.signals, evaluator.open_positions) == (3, 1, 1)


async def test_what_a_crash_left_unpublished_is_published_at_the_next_start(world):
    await world.store.write([make_candle(minute(n)) for n in range(3)])
    world.bus.away = {"publish"}
    with pytest.raises(Unavailable):
        await world.evaluator().evaluate({"BTCUSDT"})
    assert len((await world.book()).unpublished) == 1
    world.bus.away = set()
    await world.evaluator().evaluate({"BTCUSDT"})
    assert await world.published() == [f"{ENTRY}/0"]
    assert (await world.book()).unpublished == ()


async def test_a_failed_write_loses_nothing_and_doubles_nothing(world):
    await world.store.write([make_candle(minute(n)) for n in range(3)])
    evaluator = world.evaluator()
    world.store.away = {"commit"}
    with pytest.raises(Unavailable):
        await evaluator.evaluate({"BTCUSDT"})
    assert evaluator.progress.evaluated == 0
    world.store.away = set()
    await evaluator.evaluate({"BTCUSDT"})
    assert evaluator.progress.evaluated == 3
    assert await world.published() == [f"{ENTRY}/0"]


async def test_two_engines_on_one_ledger_say_each_signal_once(world):
    first, second = world.evaluator(), world.evaluator()
    for number in range(6):
        await world.store.write([make_candle(minute(number), high="101" if number == 4 else "100")])
        await (first, second)[number % 2].evaluate({"BTCUSDT"})
    assert await world.published() == [f"{ENTRY}/0", f"{ENTRY}/1"]
    assert (await world.book()).evaluated_to == minute(5)
    assert first.progress.evaluated + second.progress.evaluated == 6


async def test_an_open_position_ends_on_the_forming_candle(world):
    evaluator = world.evaluator()
    await world.store.write([make_candle(minute(n)) for n in range(2)])
    await evaluator.evaluate({"BTCUSDT"})
    range_ = make_candle(close="98")
    view = make_candle(minute(2), complete=False, looks=[(minute(2) + 15_000, range_.high, range_.low)])
    await world.store.write_forming([FormingCandle(view, minute(2) + 15_000)])
    await evaluator.evaluate({"BTCUSDT"})
    assert await world.published() == [f"{ENTRY}/0", f"{ENTRY}/1"]
    (_, end) = await world.store.history(ENTRY)
    assert (end.time, end.price, end.pnl_pct) == (minute(2) + 15_000, 99.0, -1.0)
    assert evaluator.open_positions == 0


async def test_forming_candles_are_read_for_open_positions_only(world):
    world.store.away = {"read_forming"}
    await world.store.write([make_candle(minute(0))])
    await world.evaluator().evaluate({"BTCUSDT"})
    assert (await world.book()).evaluated_to == minute(0)


async def test_after_a_long_absence_every_candle_is_evaluated_in_order(world):
    await world.store.write([make_candle(minute(n)) for n in range(3)])
    await world.evaluator().evaluate({"BTCUSDT"})
    await world.store.write([make_candle(minute(n)) for n in range(3, 500)])
    await world.evaluator().evaluate({"BTCUSDT"})
    assert (await world.book()).state["strategy"]["times"] == [minute(n) for n in range(500)]


async def test_a_strategy_added_after_a_long_absence_makes_the_old_one_miss_nothing(world):
    await world.store.write([make_candle(minute(n)) for n in range(3)])
    await world.evaluator().evaluate({"BTCUSDT"})
    await world.store.write([make_candle(minute(n)) for n in range(3, 60)])
    added = BookKey("added", EXCHANGE, "BTCUSDT")
    await world.evaluator({KEY: {}, added: {}}).evaluate({"BTCUSDT"})
    assert (await world.book()).state["strategy"]["times"] == [minute(n) for n in range(60)]
    assert (await world.book(added)).evaluated_to == minute(59)


async def test_only_the_symbols_named_are_evaluated(world):
    other = BookKey("scripted", EXCHANGE, "ETHUSDT")
    await world.store.write([make_candle(minute(0)), make_candle(minute(0), symbol="ETHUSDT")])
    await world.evaluator({KEY: {}, other: {}}).evaluate({"ETHUSDT", "NEVERUSDT"})
    assert list(await world.store.load_books([KEY, other])) == [other]


async def test_a_wait_at_a_hole_is_told_and_taken_back(world):
    evaluator = world.evaluator()
    await world.store.write([make_candle(minute(0)), make_candle(minute(2))])
    await evaluator.evaluate({"BTCUSDT"})
    assert evaluator.progress.waiting == {KEY: minute(1)}
    await world.store.write([make_candle(minute(1))])
    await evaluator.evaluate({"BTCUSDT"})
    assert evaluator.progress.waiting == {}
    assert (await world.book()).evaluated_to == minute(2)


async def test_history_that_comes_after_the_first_live_candle_still_warms_up(world):
    evaluator = world.evaluator({KEY: {}}, warm_up=30)
    await world.store.write([make_candle(minute(50))])
    await evaluator.evaluate({"BTCUSDT"})
    await world.store.write([make_candle(minute(n)) for n in range(50)])
    await evaluator.evaluate({"BTCUSDT"})
    assert (await world.book()).state["seen"] >= 30
