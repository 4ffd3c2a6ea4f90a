"""What every ledger promises (`shared.ports.Ledger`), asked of each adapter in the folder."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.stores.memory import MemoryStore
from shared.domain.book import Book, BookKey, Position
from shared.domain.signal import Side, Signal, SignalKind
from shared.engine.hash_chain import check_chain, digest, tied
from shared.errors import Conflict
from shared.messages.codec import from_json, to_json
from shared.ports import Ledger
from tests.adapters.contract.subjects import create_store, names
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_signal

BTC = BookKey("rsi_divergence", EXCHANGE, SYMBOL)
ETH = BookKey("rsi_divergence", EXCHANGE, "ETHUSDT")


@pytest.fixture(params=names("stores", port=Ledger))
async def store(request, tmp_path):
    store = create_store(request.param, tmp_path)
    yield store
    await store.close()


async def test_a_book_comes_back_one_version_higher_with_every_bit(store):
    state = {"rsi": [0.1 + 0.2, 5e-324, 1e308, -0.0, 3.0], "n": 7, "text": "ä", "none": None, "at": {"x": {}}}
    position = Position("s/BTC/1/LONG", Side.SHORT, START, 0.1 + 0.2, 1 / 3, 2 / 3, 4)
    signals = (make_signal(decision={"rsi": 29.123456789012345, "pivots": [1, 2.5]}), make_signal(SignalKind.EXIT))
    book = Book(BTC, 0, START, START + 1, state, position, signals)
    await store.commit([book])
    found = (await store.load_books([BTC]))[BTC]
    assert found == replace(book, version=1)
    assert repr(found.state) == repr(state)  # tells 3.0 from 3 and -0.0 from 0.0
    assert isinstance(found.key, BookKey)


async def test_unknown_books_are_absent(store):
    await store.commit([Book(BTC)])
    assert set(await store.load_books([BTC, ETH])) == {BTC}
    assert await store.load_books([]) == {}


async def test_what_a_caller_does_to_its_book_later_does_not_reach_the_store(store):
    state = {"rsi": [1.0]}
    await store.commit([Book(BTC, state=state)])
    state["rsi"].append(2.0)
    (await store.load_books([BTC]))[BTC].state["rsi"].append(3.0)
    assert (await store.load_books([BTC]))[BTC].state == {"rsi": [1.0]}


@pytest.mark.parametrize("version", [0, 2, 7])
async def test_a_commit_with_another_version_conflicts(store, version):
    await store.commit([Book(BTC, evaluated_to=1)])
    with pytest.raises(Conflict, match="version 1"):
        await store.commit([Book(BTC, version, evaluated_to=2)])
    assert (await store.load_books([BTC]))[BTC].evaluated_to == 1
    await store.commit([Book(BTC, 1, evaluated_to=3)])
    assert (await store.load_books([BTC]))[BTC] == Book(BTC, 2, evaluated_to=3)


async def test_a_new_book_must_have_version_zero(store):
    with pytest.raises(Conflict):
        await store.commit([Book(BTC, 1)])
    assert await store.load_books([BTC]) == {}


async def test_a_conflict_of_one_book_leaves_nothing_of_the_whole_call(store):
    await store.commit([Book(ETH, evaluated_to=1)])
    with pytest.raises(Conflict):
        await store.commit([Book(BTC, unpublished=(make_signal(),)), Book(ETH, 0, evaluated_to=2)])
    assert await store.load_books([BTC, ETH]) == {ETH: Book(ETH, 1, evaluated_to=1)}
    assert await store.signals(10) == []


async def test_one_of_two_writers_wins(store):
    results = await asyncio.gather(
        *(store.commit([Book(BTC, evaluated_to=number)]) for number in range(5)), return_exceptions=True
    )
    assert results.count(None) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 4
    assert (await store.load_books([BTC]))[BTC].version == 1


async def test_a_line_of_the_log_is_written_once(store):
    entry = make_signal()
    await store.commit([Book(BTC, unpublished=(entry,))])
    changed = replace(entry, price=1.0)
    await store.commit([Book(BTC, 1, unpublished=(changed, make_signal(SignalKind.EXIT)))])
    assert await store.signals(10) == [entry, make_signal(SignalKind.EXIT)]


async def test_the_log_gives_the_newest_lines_ascending_by_time(store):
    lines = [make_signal(open_time=START + number * MINUTE) for number in range(5)]
    other = make_signal(open_time=START + 2 * MINUTE, symbol="ETHUSDT")
    await store.commit([Book(BTC, unpublished=tuple(lines[::-1])), Book(ETH, unpublished=(other,))])
    assert await store.signals(2) == lines[-2:]
    assert await store.signals(100) == [*lines[:3], other, *lines[3:]]
    assert await store.signals(2, SYMBOL) == lines[-2:]
    assert await store.signals(9, "ETHUSDT") == [other]
    assert await store.signals(9, "XRPUSDT") == []
    assert await store.signals(0) == []


async def test_the_history_of_a_signal_is_ascending_by_revision(store):
    update = make_signal(SignalKind.UPDATE)
    exit_line, entry = make_signal(SignalKind.EXIT), make_signal()
    await store.commit([Book(BTC, unpublished=(exit_line, entry, make_signal(open_time=START + MINUTE)))])
    await store.commit([Book(BTC, 1, unpublished=(update,))])
    assert await store.history(entry.signal_id) == [entry, update, exit_line]
    assert await store.history("nothing") == []


lines = st.builds(
    lambda kind, minute, symbol, price: make_signal(kind, START + minute * MINUTE, symbol=symbol, price=price),
    st.sampled_from(SignalKind),
    st.integers(0, 4),
    st.sampled_from([SYMBOL, "ETHUSDT"]),
    st.floats(0.001, 1e9),
)
books = st.builds(
    lambda key, version, unpublished, number: Book(key, version, state={"x": number}, unpublished=tuple(unpublished)),
    st.sampled_from([BTC, ETH]),
    st.integers(0, 3),
    st.lists(lines, max_size=3),
    st.floats(allow_nan=False, allow_infinity=False),
)


@pytest.mark.parametrize("name", [name for name in names("stores", port=Ledger) if name != "memory"])
@settings(max_examples=40, deadline=None)
@given(commits=st.lists(st.lists(books, max_size=3), max_size=8), limit=st.integers(0, 20))
def test_whatever_is_committed_every_ledger_equals_the_memory_model(name, tmp_path_factory, commits, limit):
    async def outcome(store, call) -> bool:
        try:
            await store.commit(call)
        except Conflict:
            return False
        return True

    async def compare() -> None:
        model, store = MemoryStore(), create_store(name, tmp_path_factory.mktemp("store"))
        for call in commits:
            assert await outcome(store, call) == await outcome(model, call)
            assert await store.load_books([BTC, ETH]) == await model.load_books([BTC, ETH])
        for symbol in (None, SYMBOL):
            assert await store.signals(limit, symbol) == await model.signals(limit, symbol)
        await store.close()

    asyncio.run(compare())


@pytest.mark.parametrize("name", names("stores", durable=True, port=Ledger))
async def test_books_and_signals_survive_the_process(name, tmp_path):
    store = create_store(name, tmp_path)
    await store.commit([Book(BTC, unpublished=(make_signal(),))])
    await store.close()
    store = create_store(name, tmp_path)
    assert (await store.load_books([BTC]))[BTC].unpublished == (make_signal(),)
    assert await store.signals(1) == [make_signal()]
    await store.close()


@pytest.mark.parametrize("name", names("stores", durable=True, port=Ledger))
async def test_of_two_processes_that_commit_the_same_step_one_wins_and_its_lines_stand_once(name, tmp_path):
    one, other = create_store(name, tmp_path), create_store(name, tmp_path)
    line = make_signal()
    for version in range(4):
        book = Book(BTC, version, unpublished=(line,))
        results = await asyncio.gather(one.commit([book]), other.commit([book]), return_exceptions=True)
        assert sorted(map(type, results), key=str) == sorted([type(None), Conflict], key=str)
    assert (await one.load_books([BTC]))[BTC].version == 4
    assert await other.signals(9) == await other.history(line.signal_id) == [line]
    await one.close()
    await other.close()


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=5), st.floats() | st.integers(-(2**53), 2**53) | st.text() | st.none() | st.booleans()
    ),
    st.floats(1e-9, 1e9),
)
def test_the_hash_of_a_line_is_the_same_before_and_after_it_was_written(decision, price):
    line = make_signal(decision=decision, price=price, pnl_pct=price)
    assert digest(from_json(to_json(line), Signal)) == digest(line)


async def test_the_hash_chain_is_whole_behind_every_store(store):
    numbers = [0.1 + 0.2, 5e-324, 1e22, 1e308, -0.0, 3.0, 3, 123456789012345680.0, 2**53]
    lines, head = [], ""
    for n, number in enumerate(numbers):
        said = make_signal(open_time=START + n * MINUTE, decision={"a": number, "b": (n, {"ä": [number]})})
        line, head = tied(head, said)
        lines.append(line)
    await store.commit([Book(BTC, unpublished=tuple(lines), head=head)])
    stored = (await store.load_books([BTC]))[BTC]
    found = check_chain(await store.signals(100), stored.head, "book")
    assert (found.chained, found.unchained, found.faults) == (len(numbers), [], [])
    assert [digest(line) for line in stored.unpublished] == [digest(line) for line in lines]
