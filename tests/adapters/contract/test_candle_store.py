"""What every candle store promises (`shared.ports.CandleStore`), asked of each adapter in the folder."""

import asyncio
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.stores.memory import MemoryStore
from shared.domain.candle import CandleSource, FormingCandle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import InvariantViolation
from shared.ports import CandleStore
from tests.adapters.contract.subjects import create_store, names
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle

BTC = Instrument(EXCHANGE, SYMBOL)
ETH = Instrument(EXCHANGE, "ETHUSDT")
UNKNOWN = Instrument("kraken", SYMBOL)
M1 = Timeframe.M1


@pytest.fixture(params=names("stores", port=CandleStore))
async def store(request, tmp_path):
    store = create_store(request.param, tmp_path)
    yield store
    await store.close()


def minutes(count: int, **fields):
    return [make_candle(START + number * MINUTE, **fields) for number in range(count)]


def forming(open_time: int, as_of: int, close: str = "100", **fields) -> FormingCandle:
    return FormingCandle(make_candle(open_time, close, complete=False, **fields), as_of)


async def test_a_candle_comes_back_as_it_was_written_to_the_last_digit(store):
    candle = make_candle(
        close="0.00000012300",
        open="100000000000000000000000000.10",
        high="1E+3",
        low="-0.0",
        quantity="1E-8",
        turnover="12345678901234567890.1234567890123456789000",
        trades=2**53,
        complete=False,
        revision=3,
        source=CandleSource.EXCHANGE,
        looks=((START + 15_000, Decimal("1.50"), Decimal("1.40")), (START + 60_000, Decimal("2E-9"), Decimal(0))),
    )
    assert await store.write([candle]) == [candle]
    (found,) = await store.read(BTC, M1, START, START + 1)
    assert found == candle
    for name in ("open", "low", "close", "quantity", "turnover"):
        assert getattr(found, name).as_tuple() == getattr(candle, name).as_tuple()  # trailing zeros and sign, too


async def test_writing_the_same_candles_again_changes_nothing(store):
    candles = minutes(3)
    assert await store.write(candles) == candles
    assert await store.write(candles) == []
    assert await store.read(BTC, M1, START, START + 3 * MINUTE) == candles


RANKS = list(product((False, True), (0, 1), (0, 5)))  # complete, revision, trades


@pytest.mark.parametrize("old", RANKS)
async def test_a_version_replaces_another_exactly_when_it_supersedes_it(store, old):
    for number, new in enumerate(RANKS):
        fields = {"symbol": f"S{number}USDT"}
        first, second = (
            make_candle(START, close, complete=rank[0], revision=rank[1], trades=rank[2], **fields)
            for rank, close in ((old, "1"), (new, "2"))
        )
        assert await store.write([first]) == [first]
        changed = await store.write([second])
        (kept,) = await store.read(first.instrument, M1, START, START + MINUTE)
        assert changed == ([second] if new > old else [])
        assert kept == (second if new > old else first)


async def test_one_call_may_hold_two_versions_of_a_candle(store):
    better, worse = make_candle(close="2", revision=1), make_candle(close="1")
    assert await store.write([worse, better, worse]) == [worse, better]
    assert await store.read(BTC, M1, START, START + 1) == [better]


async def test_ranges_are_half_open_and_ascending_whatever_the_order_of_writing(store):
    candles = minutes(5)
    await store.write(candles[::-1])
    assert await store.read(BTC, M1, START, START + 5 * MINUTE) == candles
    assert await store.read(BTC, M1, START + MINUTE, START + 3 * MINUTE) == candles[1:3]
    assert await store.read(BTC, M1, START + 1, START + 3 * MINUTE + 1) == candles[1:4]
    assert await store.read(BTC, M1, 0, 2**53) == candles
    assert await store.read(BTC, M1, START + MINUTE, START + MINUTE) == []
    assert await store.read(BTC, M1, START + 3 * MINUTE, START) == []


async def test_latest_gives_the_newest_of_each_ascending_over_holes(store):
    holed = [make_candle(START + number * MINUTE) for number in (0, 1, 2, 50, 51, 400, 10_000)]
    other = minutes(2, symbol="ETHUSDT")
    await store.write(holed + other)
    latest = await store.read_latest([BTC, ETH, UNKNOWN], M1, 5)
    assert latest == {BTC: holed[2:], ETH: other, UNKNOWN: []}
    assert (await store.read_latest([BTC], M1, 100))[BTC] == holed
    assert (await store.read_latest([BTC], M1, 1))[BTC] == holed[-1:]
    assert (await store.read_latest([BTC], M1, 0))[BTC] == []


async def test_symbols_exchanges_and_timeframes_are_apart(store):
    written = [
        make_candle(START, str(number + 1), exchange=exchange, symbol=symbol, timeframe=timeframe)
        for number, (exchange, symbol, timeframe) in enumerate(
            product(("kraken", EXCHANGE), (SYMBOL, "ETHUSDT"), Timeframe)
        )
    ]
    assert await store.write(written) == written
    for candle in written:
        assert await store.read(candle.instrument, candle.timeframe, 0, 2**53) == [candle]


async def test_a_closing_minute_of_many_symbols_is_one_write(store):
    batch = [make_candle(START, symbol=f"S{number}USDT") for number in range(600)]
    assert await store.write(batch) == batch
    latest = await store.read_latest([candle.instrument for candle in batch], M1, 2)
    assert latest == {candle.instrument: [candle] for candle in batch}


async def test_an_unknown_instrument_has_nothing(store):
    assert await store.read(UNKNOWN, M1, 0, 2**53) == []
    assert await store.read_latest([UNKNOWN], M1, 3) == {UNKNOWN: []}
    assert await store.read_forming([UNKNOWN], M1) == {}
    assert await store.write([]) == []


async def test_instruments_with_a_candle_are_listed_in_order(store):
    await store.write(minutes(1, symbol="ETHUSDT") + minutes(2) + minutes(1, exchange="kraken"))
    await store.write_forming([forming(START, START + 1, symbol="SOLUSDT")])
    assert await store.instruments(M1) == [BTC, ETH, UNKNOWN]
    assert await store.instruments(Timeframe.H1) == []


async def test_a_later_view_of_a_forming_candle_replaces_an_earlier_one(store):
    await store.write_forming([forming(START, START + 20_000, "2"), forming(START, START + 10_000, "1")])
    assert await store.read_forming([BTC, ETH], M1) == {BTC: forming(START, START + 20_000, "2")}
    await store.write_forming([forming(START, START + 30_000, "3")])
    assert await store.read_forming([BTC], M1) == {BTC: forming(START, START + 30_000, "3")}
    assert await store.read(BTC, M1, 0, 2**53) == []


async def test_a_forming_view_gives_way_to_its_candle_and_the_next_one_shows(store):
    await store.write_forming([forming(START, START + 50_000)])
    await store.write([make_candle(START)])
    assert await store.read_forming([BTC], M1) == {}
    await store.write_forming([forming(START, START + 59_000)])
    assert await store.read_forming([BTC], M1) == {}
    following = forming(START + MINUTE, START + 70_000, looks=((START + 15_000, Decimal(2), Decimal("1.10")),))
    await store.write_forming([following])
    assert await store.read_forming([BTC], M1) == {BTC: following}


async def test_history_written_behind_a_forming_view_leaves_it(store):
    view = forming(START + 10 * MINUTE, START + 10 * MINUTE + 1)
    await store.write_forming([view])
    await store.write(minutes(3))
    assert await store.read_forming([BTC], M1) == {BTC: view}


async def test_a_candle_off_the_grid_of_its_timeframe_is_a_bug_and_stores_nothing(store):
    with pytest.raises(InvariantViolation, match="not the start of a 1m candle"):
        await store.write([make_candle(START), make_candle(START + 1)])
    assert await store.read(BTC, M1, 0, 2**53) == []


offsets = st.integers(0, 12)
written = st.builds(
    lambda offset, close, symbol, complete, revision, trades: make_candle(
        START + offset * MINUTE, close, symbol=symbol, complete=complete, revision=revision, trades=trades
    ),
    offsets,
    st.decimals("0.0001", "1000", places=4).map(str),
    st.sampled_from([SYMBOL, "ETHUSDT"]),
    st.booleans(),
    st.integers(0, 2),
    st.integers(0, 2),
)
viewed = st.builds(
    lambda offset, past, symbol: forming(START + offset * MINUTE, START + offset * MINUTE + past, symbol=symbol),
    offsets,
    st.integers(1, 3 * MINUTE),
    st.sampled_from([SYMBOL, "ETHUSDT"]),
)
steps = st.lists(st.lists(written, max_size=4) | st.lists(viewed, min_size=1, max_size=2), min_size=1, max_size=8)
times = st.integers(START - MINUTE, START + 14 * MINUTE)


@pytest.mark.parametrize("name", [name for name in names("stores", port=CandleStore) if name != "memory"])
@settings(max_examples=40, deadline=None)
@given(steps=steps, bounds=st.tuples(times, times), limit=st.integers(0, 14))
def test_whatever_is_written_every_store_equals_the_memory_model(name, tmp_path_factory, steps, bounds, limit):
    async def compare() -> None:
        model, store = MemoryStore(), create_store(name, tmp_path_factory.mktemp("store"))
        for step in steps:
            if step and isinstance(step[0], FormingCandle):
                await model.write_forming(step)
                await store.write_forming(step)
            else:
                assert await store.write(step) == await model.write(step)
            assert await store.read_forming([BTC, ETH], M1) == await model.read_forming([BTC, ETH], M1)
        for instrument in (BTC, ETH):
            assert await store.read(instrument, M1, *bounds) == await model.read(instrument, M1, *bounds)
        assert await store.read_latest([BTC, ETH], M1, limit) == await model.read_latest([BTC, ETH], M1, limit)
        assert await store.instruments(M1) == await model.instruments(M1)
        await store.close()

    asyncio.run(compare())


@pytest.mark.parametrize("name", names("stores", durable=True, port=CandleStore))
async def test_candles_survive_the_process(name, tmp_path):
    store = create_store(name, tmp_path)
    await store.write(minutes(3))
    await store.close()
    store = create_store(name, tmp_path)
    assert await store.read(BTC, M1, 0, 2**53) == minutes(3)
    await store.close()


@pytest.mark.parametrize("name", names("stores", durable=True, port=CandleStore))
async def test_of_two_processes_that_write_the_same_minutes_the_better_candles_stay(name, tmp_path):
    one, other = create_store(name, tmp_path), create_store(name, tmp_path)
    best = minutes(9, revision=1)
    await asyncio.gather(
        *(one.write([candle]) for candle in minutes(9, complete=False)),
        other.write(best),
        *(one.write([candle]) for candle in minutes(9, complete=False, revision=2)),
        one.write(minutes(9)),
    )
    assert await one.read(BTC, M1, 0, 2**53) == await other.read(BTC, M1, 0, 2**53) == best
    await one.close()
    await other.close()
