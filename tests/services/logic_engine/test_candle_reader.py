import pytest

from services.logic_engine.candle_reader import CandleReader, Want
from shared.adapters.stores.memory import MemoryStore
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from tests.makers import EXCHANGE, MINUTE, START, make_candle

BTC = Instrument(EXCHANGE, "BTCUSDT")
ETH = Instrument(EXCHANGE, "ETHUSDT")
RECENT = 8  # patience 3 and the margin


class CountingStore(MemoryStore):
    def __init__(self):
        super().__init__()
        self.calls = []

    async def read(self, *arguments):
        self.calls.append("read")
        return await super().read(*arguments)

    async def read_latest(self, *arguments):
        self.calls.append("read_latest")
        return await super().read_latest(*arguments)


@pytest.fixture
async def store():
    store = CountingStore()
    for symbol in ("BTCUSDT", "ETHUSDT"):
        await store.write([make_candle(minute(n), symbol=symbol) for n in range(100)])
    return store


def minute(number):
    return START + number * MINUTE


async def numbers(store, wants):
    found = await CandleReader(store, Timeframe.M1, hole_patience=3).read(wants)
    return {key: [(candle.open_time - START) // MINUTE for candle in candles] for key, candles in found.items()}


async def test_symbols_that_keep_up_are_read_in_one_call(store):
    found = await numbers(store, {BTC: Want(minute(98), 0), ETH: Want(minute(97), 0)})
    assert found == {BTC: list(range(92, 100)), ETH: list(range(92, 100))}
    assert store.calls == ["read_latest"]


async def test_one_that_fell_behind_is_read_from_where_it_stopped(store):
    found = await numbers(store, {BTC: Want(minute(98), 0), ETH: Want(minute(40), 0)})
    assert found[ETH] == list(range(41, 100))
    assert store.calls == ["read_latest", "read"]


async def test_a_fresh_book_gets_its_history_in_one_call(store):
    found = await numbers(store, {BTC: Want(0, 50)})
    assert found[BTC] == list(range(100 - 50 - RECENT, 100))
    assert store.calls == ["read_latest"]


async def test_a_cold_book_that_fell_behind_gets_its_history_and_all_that_is_new(store):
    found = await numbers(store, {BTC: Want(minute(60), 20)})
    assert found[BTC] == list(range(41, 100))


async def test_a_store_with_less_than_is_wanted_gives_what_it_has(store):
    assert (await numbers(store, {BTC: Want(minute(50), 400)}))[BTC] == list(range(100))
    assert await numbers(store, {Instrument(EXCHANGE, "NEWUSDT"): Want(0, 0)}) == {Instrument(EXCHANGE, "NEWUSDT"): []}
