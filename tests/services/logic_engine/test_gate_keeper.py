"""What a bias leaves behind in the store, whoever else writes and however often it comes."""

import pytest

from services.logic_engine.gate_keeper import COLLECTION, GateKeeper
from shared.adapters.stores.memory import MemoryStore
from shared.domain.instrument import Instrument
from shared.domain.macro_bias import BiasDirection
from shared.engine.bias_gate import START as EMPTY
from shared.engine.bias_gate import GateLimits, step
from shared.errors import Unavailable
from shared.messages.codec import from_json
from tests.engine.macro_markets import FIVE, make_bias
from tests.makers import EXCHANGE, START
from tests.services.logic_engine.failing import Failing

BTC = Instrument(EXCHANGE, "BTCUSDT")
LIMITS = GateLimits()


@pytest.fixture
def store():
    return Failing(MemoryStore())


def keeper(store):
    return GateKeeper(store, [BTC], LIMITS)


async def test_a_bias_is_stored_by_instrument_and_known_to_the_next_life(store):
    bias = make_bias()
    await keeper(store).take(bias)
    (document,) = await store.documents(COLLECTION, 10)
    assert document.key == f"{EXCHANGE}/BTCUSDT"
    assert from_json(document.data, dict) == {
        "active": "LONG",
        "confidence": 85.0,
        "time": bias.time,
        "expires_at": bias.expires_at,
        "bias_id": bias.bias_id,
    }
    successor = keeper(store)
    assert successor.state(BTC) == EMPTY
    await successor.load()
    assert successor.state(BTC) == step(EMPTY, bias, LIMITS)


async def test_repeated_and_late_biases_and_those_of_others_write_nothing(store):
    one = keeper(store)
    await one.take(make_bias(START + FIVE))
    before = await store.documents(COLLECTION, 10)
    store.away = {"save_document"}
    for bias in (make_bias(START + FIVE), make_bias(), make_bias(START + 2 * FIVE, symbol="ETHUSDT")):
        await one.take(bias)
    assert await store.documents(COLLECTION, 10) == before


async def test_two_engines_that_share_the_biases_keep_one_memory(store):
    first, second = keeper(store), keeper(store)
    biases = [make_bias(START + n * FIVE, confidence=confidence) for n, confidence in enumerate((80, 75, 71, 69, 75))]
    state = EMPTY
    for number, bias in enumerate(biases):
        state = step(state, bias, LIMITS)
        await (first, second)[number % 2].take(bias)
        assert (first, second)[number % 2].state(BTC) == state
    assert state.active is BiasDirection.NEUTRAL


async def test_while_the_store_is_away_nothing_is_taken(store):
    one = keeper(store)
    store.away = {"save_document"}
    with pytest.raises(Unavailable):
        await one.take(make_bias())
    assert one.state(BTC) == EMPTY
    store.away = set()
    await one.take(make_bias())
    assert one.state(BTC).active is BiasDirection.LONG


async def test_a_bias_that_comes_while_the_store_is_read_is_not_forgotten(store):
    one, read = keeper(store), store.load_document

    async def slowly(collection, key):
        document = await read(collection, key)
        store.load_document = read
        await one.take(make_bias())
        return document

    store.load_document = slowly
    await one.load()
    assert one.state(BTC).active is BiasDirection.LONG
