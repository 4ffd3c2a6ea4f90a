from dataclasses import replace

import pytest

from shared.domain.book import BookKey
from shared.domain.candle import CandleSource, FormingCandle
from shared.domain.signal import ExitReason, Side, SignalKind
from shared.engine.data_watch import Arrival
from shared.engine.hash_chain import digest
from shared.errors import Unavailable
from tests.makers import EXCHANGE, make_candle
from tests.services.logic_engine.evaluation import KEY, World, minute, new_world
from tests.strategies.markets import walk


@pytest.fixture
async def world():
    return await new_world()


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


BTC = KEY.instrument
LATE = make_candle(minute(1), revision=1)


async def revise(world, evaluator, candle=LATE):
    """The candle is stored in a new version, and its message comes."""
    await world.store.write([candle])
    await evaluator.evaluate({"BTCUSDT"}, [candle])


async def test_a_revised_candle_marks_the_open_position_once_and_its_exit_counts_on(world):
    evaluator = world.evaluator()
    await world.store.write([make_candle(minute(n)) for n in range(3)])
    await evaluator.evaluate({"BTCUSDT"})
    for _ in range(2):
        await revise(world, evaluator)
    await revise(world, world.evaluator())
    await world.store.write([make_candle(minute(3), high="101")])
    await evaluator.evaluate({"BTCUSDT"})
    assert await world.published() == [f"{ENTRY}/0", f"{ENTRY}/1", f"{ENTRY}/2"]
    lines = await world.store.history(ENTRY)
    assert [(str(line.kind), line.data_revised) for line in lines] == [
        ("entry", ()),
        ("entry", (minute(1),)),
        ("exit", (minute(1),)),
    ]
    assert evaluator.progress.signals == 2


async def test_a_revised_candle_marks_a_closed_position_by_its_exit(world):
    evaluator = world.evaluator()
    await world.store.write([make_candle(minute(n), high="101" if n == 2 else "100") for n in range(4)])
    await evaluator.evaluate({"BTCUSDT"})
    await revise(world, evaluator)
    assert await world.published() == [f"{ENTRY}/0", f"{ENTRY}/1", f"{ENTRY}/2"]
    *_, end, marked = await world.store.history(ENTRY)
    assert marked == replace(end, revision=2, data_revised=(minute(1),), previous=digest(end))


async def test_a_candle_healed_before_its_evaluation_marks_nothing_however_late_its_message_comes(world):
    evaluator = world.evaluator()
    healed = make_candle(minute(1), revision=1, source=CandleSource.EXCHANGE)
    await world.store.write([make_candle(minute(0)), make_candle(minute(1), complete=False)])
    await evaluator.evaluate({"BTCUSDT"})
    await world.store.write([healed])
    await evaluator.evaluate({"BTCUSDT"}, [healed])
    await world.evaluator().evaluate({"BTCUSDT"}, [healed])
    assert await world.published() == [f"{ENTRY}/0"]
    assert [line.data_revised for line in await world.store.history(ENTRY)] == [()]


@pytest.mark.parametrize("commits", range(3))
async def test_whatever_write_fails_a_mark_is_said_exactly_once(world, commits):
    evaluator = world.evaluator()
    await world.store.write([make_candle(minute(n)) for n in range(3)])
    await evaluator.evaluate({"BTCUSDT"})
    world.store.commit = failing_after(commits, world.store.commit)
    with pytest.raises(Unavailable):
        await revise(world, evaluator)
    del world.store.commit
    await world.store.write([make_candle(minute(3), high="101")])
    await world.evaluator().evaluate({"BTCUSDT"}, [LATE])
    assert sorted(set(await world.published())) == [f"{ENTRY}/0", f"{ENTRY}/1", f"{ENTRY}/2"]
    lines = await world.store.history(ENTRY)
    assert [(str(line.kind), line.data_revised) for line in lines] == [
        ("entry", ()),
        ("entry", (minute(1),)),
        ("exit", (minute(1),)),
    ]


def failing_after(count, commit):
    """`commit` that works so often and then is away."""
    left = iter(range(count))

    async def commit_or_not(books):
        if next(left, None) is None:
            raise Unavailable("commit is away")
        await commit(books)

    return commit_or_not


async def test_how_far_the_data_has_come_is_told_by_complete_candles(world):
    evaluator = world.evaluator()
    await evaluator.evaluate({"BTCUSDT"})
    assert evaluator.progress.arrivals == {BTC: Arrival(0, 0)}
    await world.store.write([make_candle(minute(0)), make_candle(minute(2)), make_candle(minute(3), complete=False)])
    await evaluator.evaluate({"BTCUSDT"})
    assert evaluator.progress.arrivals == {BTC: Arrival(minute(3), minute(1))}


async def test_outage_minutes_that_are_healed_give_the_signals_of_a_calm_run(world):
    script = {KEY: {1: Side.LONG, 20: Side.SHORT, 24: Side.LONG, 50: Side.SHORT}}
    market = walk(7, 60)
    calm = World()
    await calm.start()
    evaluator = calm.evaluator(script)
    for candle in market:
        await calm.store.write([candle])
        await evaluator.evaluate({"BTCUSDT"})
    evaluator = world.evaluator(script)
    for candle in [*market[:10], market[40]]:
        await world.store.write([candle])
        await evaluator.evaluate({"BTCUSDT"})
    assert evaluator.progress.waiting == {KEY: minute(10)}
    healed = [replace(candle, source=CandleSource.EXCHANGE, trades=0) for candle in market[10:40]]
    for part in (healed[:15], healed[15:], market[41:]):
        await world.store.write(part)
        await world.evaluator(script).evaluate({"BTCUSDT"})
    assert await world.store.signals(100) == await calm.store.signals(100)
    missed = [line.kind for line in await calm.store.signals(100) if minute(10) <= line.open_time < minute(40)]
    assert set(missed) == {SignalKind.ENTRY, SignalKind.EXIT}, "the outage must have had something to miss"
    assert (await world.book()).state["strategy"]["times"] == [minute(n) for n in range(60)]


async def test_exits_during_an_outage_are_decided_on_the_healed_candles(world):
    evaluator = world.evaluator()
    await world.store.write([make_candle(minute(n)) for n in range(3)])
    await evaluator.evaluate({"BTCUSDT"})
    await world.store.write([make_candle(minute(8), high="101")])
    await evaluator.evaluate({"BTCUSDT"})
    assert evaluator.open_positions == 1
    lows = {5: "98.5"}
    venue = [
        make_candle(minute(n), low=lows.get(n, "100"), source=CandleSource.EXCHANGE, trades=0) for n in range(3, 8)
    ]
    await world.store.write(venue)
    await evaluator.evaluate({"BTCUSDT"})
    _, end = await world.store.history(ENTRY)
    assert (end.time, end.open_time, end.reason, end.data_revised) == (minute(6), minute(5), ExitReason.STOP_LOSS, ())
