"""The gate and the shadows of an evaluator: what is decided once stays decided, and who hears of it."""

import pytest

from services.logic_engine.near_miss_log import COLLECTION
from shared.domain.book import BookKey
from shared.domain.macro_bias import BiasDirection
from shared.domain.near_miss import NearMiss
from shared.domain.signal import Side
from shared.engine.bias_gate import GateLimits, remembered
from shared.engine.entry_check import unkept
from shared.errors import Unavailable
from shared.messages.codec import from_json
from tests.engine.macro_markets import make_bias
from tests.makers import EXCHANGE, MINUTE, START, make_candle
from tests.services.logic_engine.evaluation import KEY, World, minute, new_world
from tests.services.logic_engine.failing import Fate


@pytest.fixture
async def world():
    return await new_world()


LIMITS = GateLimits()
BIAS = make_bias(START - 5 * MINUTE)
TURNED = make_bias(START, direction=BiasDirection.SHORT, confidence=90.0)
GATED = {KEY: {1: Side.SHORT, 2: Side.LONG}}


async def near_misses(world):
    return [from_json(document.data, NearMiss) for document in await world.store.documents(COLLECTION, 10)]


async def gated_evaluation(world, fate=None):
    """A book that has taken the LONG bias over meets two entries; the effects of that are `fate`'s."""
    await world.keeper(LIMITS).take(BIAS)
    await world.store.write([make_candle(minute(0))])
    await world.evaluator(GATED, limits=LIMITS).evaluate({"BTCUSDT"})
    await world.store.write([make_candle(minute(n)) for n in (1, 2)])
    await world.evaluator(GATED, limits=LIMITS, fate=fate).evaluate({"BTCUSDT"})


async def test_an_entry_against_the_bias_is_not_made_but_remembered_and_one_along_it_says_so(world):
    fate = Fate()
    await gated_evaluation(world, fate)
    assert fate.count == 4, "book, publishing, near miss, book"
    assert await world.published() == [f"scripted/BTCUSDT/{minute(2)}/LONG/0"]
    (entry,) = await world.store.signals(10)
    assert entry.decision["macro"] == {
        "gate": "aligned",
        "size": 1.0,
        "words": "the macro bias is LONG (confidence 85, kept down to 70)",
        "direction": "LONG",
        "confidence": 85.0,
        "bias_id": BIAS.bias_id,
    }
    (miss,) = await near_misses(world)
    assert (miss.key, miss.side, str(miss.refusal)) == (f"scripted/BTCUSDT/{minute(1)}", Side.SHORT, "macro")
    assert unkept(await world.book()) == ()


@pytest.mark.parametrize("how", ["before", "within", "after"])
@pytest.mark.parametrize("effect", range(4))
async def test_whatever_effect_it_dies_at_a_verdict_is_never_made_again_by_a_bias_that_came_meanwhile(effect, how):
    calm, broken = World(), World()
    for world, fate in ((calm, None), (broken, Fate(effect, how))):
        await world.start()
        if fate is None:
            await gated_evaluation(world)
        else:
            with pytest.raises(Unavailable, match="killed at"):
                await gated_evaluation(world, fate)
        await world.keeper(LIMITS).take(TURNED)
        await world.evaluator(GATED, limits=LIMITS).evaluate({"BTCUSDT"})
    assert await broken.store.signals(10) == await calm.store.signals(10)
    assert len(await calm.store.signals(10)) == 1
    assert await near_misses(broken) == await near_misses(calm)
    assert set(await broken.published()) == set(await calm.published())
    assert remembered(await broken.book()).bias_id == TURNED.bias_id


async def test_a_bias_is_taken_over_without_a_candle_and_counts_from_the_next_one_on(world):
    script = {KEY: {1: Side.SHORT, 2: Side.SHORT}}
    evaluator = world.evaluator(script, limits=LIMITS)
    await world.store.write([make_candle(minute(0))])
    await evaluator.evaluate({"BTCUSDT"})
    assert (await world.book()).version == 1
    await world.keeper(LIMITS).take(BIAS)
    successor = world.evaluator(script, limits=LIMITS)
    await successor.evaluate({"BTCUSDT"})
    await successor.evaluate({"BTCUSDT"})
    assert (await world.book()).version == 2
    await world.store.write([make_candle(minute(1)), make_candle(minute(2))])
    await successor.evaluate({"BTCUSDT"})
    assert [miss.open_time for miss in await near_misses(world)] == [minute(1), minute(2)]
    assert await world.store.signals(10) == []


SHADOW = BookKey("scripted@tight", EXCHANGE, "BTCUSDT")


async def test_a_shadow_is_recorded_like_any_other_and_told_to_nobody(world):
    evaluator = world.evaluator({KEY: {2: Side.LONG}, SHADOW: {1: Side.SHORT}})
    await world.store.write([make_candle(minute(n), high="101" if n == 3 else "100") for n in range(4)])
    await evaluator.evaluate({"BTCUSDT"})
    mine = f"scripted/BTCUSDT/{minute(2)}/LONG"
    assert await world.published() == [f"{mine}/0", f"{mine}/1"]
    lines = [(line.strategy, str(line.kind)) for line in await world.store.signals(10)]
    assert sorted(lines) == [
        ("scripted", "entry"),
        ("scripted", "exit"),
        ("scripted@tight", "entry"),
        ("scripted@tight", "exit"),
    ]
    assert (await world.book(SHADOW)).unpublished == ()
    assert (evaluator.progress.signals, evaluator.open_positions) == (2, 0)


async def test_a_shadow_alone_publishes_nothing_and_holds_its_own_position(world):
    evaluator = world.evaluator({KEY: {}, SHADOW: {1: Side.SHORT}})
    world.bus.away = {"publish"}
    await world.store.write([make_candle(minute(n)) for n in range(3)])
    await evaluator.evaluate({"BTCUSDT"})
    assert (await world.book(SHADOW)).position is not None
    assert (await world.book()).position is None
    assert evaluator.open_positions == 0
