"""Every complete candle is compared once; what differs twice is recorded, healed and told."""

import json
from decimal import Decimal

import pytest

from services.backfiller.audit import COLLECTION, Audit
from services.backfiller.healing import SETTLE_MILLIS
from shared.adapters.clock.manual import ManualClock
from shared.domain.candle import CandleSource, OpenMode
from shared.engine.candle_audit import Verdict
from shared.errors import Refused, Unavailable
from shared.ports import Document
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle
from tests.services.backfiller.parts import NOW, World, broken, told, venue_candle

EVERY = 60_000


def same(minute: int, **fields):
    """A candle of ours that equals the venue's."""
    return make_candle(START + minute * MINUTE, **({"close": "7", "quantity": "1"} | fields))


def audit_of(world: World, *symbols: str) -> Audit:
    return Audit(
        EXCHANGE,
        symbols or (SYMBOL,),
        open_mode=OpenMode.PREVIOUS_CLOSE,
        counts_marked=True,
        filler=world.filler,
        store=world.store,
        documents=world.store,
        clock=world.clock,
    )


async def filed(world: World) -> list[Document]:
    return await world.store.documents(COLLECTION, 10, f"{EXCHANGE}/{SYMBOL}/")


async def rounds(world: World, audit: Audit, count: int = 2) -> None:
    for _ in range(count):
        await audit.round()
        world.clock.advance_to(world.clock.now() + EVERY)


async def test_one_request_covers_many_minutes_and_no_candle_is_asked_for_twice():
    world = World()
    await world.store.write([same(minute) for minute in range(60, 100)])
    audit = audit_of(world)
    await rounds(world, audit, 3)
    assert world.history.calls == [(SYMBOL, 60, 100)]
    assert audit.counts == {Verdict.EQUAL: 40}
    assert audit.parity == "100.00 % of 40"
    assert await filed(world) == []


async def test_only_complete_candles_of_ours_are_audited_and_after_a_start_only_recent_ones():
    world = World()
    await world.store.write([same(10), broken(70), venue_candle(START + 71 * MINUTE), same(72)])
    audit = audit_of(world)
    await rounds(world, audit)
    assert world.history.calls == [(SYMBOL, 72, 73)]
    assert audit.counts.total() == 1


async def test_a_minute_waits_until_its_kline_is_final():
    world = World(ManualClock(NOW + SETTLE_MILLIS - 1))
    await world.store.write([same(99)])
    audit = audit_of(world)
    assert audit.parity == "none audited yet"
    await audit.round()
    assert world.history.calls == []
    world.clock.advance_to(NOW + SETTLE_MILLIS)
    await audit.round()
    assert audit.counts == {Verdict.EQUAL: 1}


async def test_a_mismatch_is_recorded_with_both_versions_healed_counted_and_published(caplog):
    world = World()
    listener = await world.listen()
    wrong = same(80, quantity="0.5", revision=2)
    await world.store.write([wrong, same(81)])
    audit = audit_of(world)
    await rounds(world, audit)
    stored = await world.stored()
    healed = venue_candle(START + 80 * MINUTE, revision=3)
    assert stored[80] == healed
    assert await told(listener, 1) == [healed]
    assert audit.counts == {Verdict.EQUAL: 1, Verdict.MISMATCH: 1}
    assert audit.parity == "50.00 % of 2"
    (document,) = await filed(world)
    assert document.key == f"{EXCHANGE}/{SYMBOL}/{START + 80 * MINUTE}"
    record = json.loads(document.data)
    assert record["differs"] == ["quantity", "turnover"]
    assert [Decimal(record[side]["quantity"]) for side in ("ours", "theirs")] == [Decimal("0.5"), 1]
    assert [entry.differs for entry in caplog.records] == ["quantity, turnover"]
    await rounds(world, audit, 3)
    assert (world.left(), audit.counts.total()) == (1, 2), "told once: the message read above is not acknowledged"


async def test_a_kline_that_lacks_its_last_trades_at_the_first_look_raises_no_alarm():
    world = World()
    await world.store.write([same(99)])
    world.history.listed[99] = venue_candle(START + 99 * MINUTE, quantity="0.5", turnover="3.5")
    audit = audit_of(world)
    await audit.round()
    del world.history.listed[99]
    await audit.round()
    assert audit.counts == {Verdict.EQUAL: 1}
    assert await filed(world) == []


async def test_a_candle_revised_between_the_two_looks_is_looked_at_anew():
    world = World()
    await world.store.write([same(99, quantity="0.5")])
    audit = audit_of(world)
    await audit.round()
    await world.store.write([same(99, revision=1)])
    await audit.round()
    assert audit.counts == {Verdict.EQUAL: 1}
    await world.store.write([same(99, revision=2, quantity="0.4")])
    await rounds(world, audit)
    assert audit.counts == {Verdict.EQUAL: 1, Verdict.MISMATCH: 1}
    assert (await world.stored())[99].source is CandleSource.EXCHANGE


async def test_what_the_venue_leaves_out_is_recorded_and_nothing_of_ours_thrown_away():
    world = World()
    listener = await world.listen()
    more = same(80, quantity="1.5")
    await world.store.write([more])
    audit = audit_of(world)
    await rounds(world, audit, 4)
    assert audit.counts == {Verdict.SURPLUS: 1}
    assert (await world.stored())[80] == more
    assert len(await filed(world)) == 1
    assert world.left() == 0
    await listener.release()


async def test_a_candle_healed_before_a_crash_is_published_by_the_successor():
    world = World()
    await world.store.write([same(80, quantity="0.5")])
    await rounds(world, audit_of(world))
    listener = await world.listen()
    await rounds(world, audit_of(world), 3)
    assert [candle.open_time for candle in await told(listener, 1)] == [START + 80 * MINUTE]
    assert world.left() == 1


@pytest.mark.parametrize("method", ["save_document", "write", "publish"])
async def test_an_outage_at_any_step_loses_nothing(method, monkeypatch):
    world = World()
    listener = await world.listen()
    await world.store.write([same(80, quantity="0.5")])
    audit = audit_of(world)
    await audit.round()
    owner = world.bus if method == "publish" else world.store

    async def away(*_):
        raise Unavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, away)
        with pytest.raises(Unavailable):
            await audit.round()
    await audit.round()
    assert audit.counts == {Verdict.MISMATCH: 1}
    assert (await world.stored())[80].revision == 1
    assert [candle.open_time for candle in await told(listener, 1)] == [START + 80 * MINUTE]


async def test_a_write_that_was_stored_and_not_answered_is_published_all_the_same(monkeypatch):
    world = World()
    listener = await world.listen()
    await world.store.write([same(80, quantity="0.5")])
    audit = audit_of(world)
    await audit.round()
    write = world.store.write

    async def write_and_hang_up(candles):
        await write(candles)
        raise Unavailable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "write", write_and_hang_up)
        with pytest.raises(Unavailable):
            await audit.round()
    await audit.round()
    assert [candle.open_time for candle in await told(listener, 1)] == [START + 80 * MINUTE]


async def test_a_finding_that_somebody_else_files_meanwhile_is_healed_all_the_same(monkeypatch):
    world = World()
    await world.store.write([same(80, quantity="0.5")])
    load = world.store.load_document

    async def load_then_lose(collection, key):
        known = await load(collection, key)
        await world.store.save_document(Document(collection, key, b"{}", known.version if known else 0))
        return known

    monkeypatch.setattr(world.store, "load_document", load_then_lose)
    await rounds(world, audit_of(world))
    assert [document.data for document in await filed(world)] == [b"{}"]
    assert (await world.stored())[80].source is CandleSource.EXCHANGE


async def test_after_an_outage_of_the_venue_the_older_candles_are_audited_too():
    world = World()
    audit = audit_of(world)
    await audit.round()
    world.history.error = Unavailable("away")
    await world.store.write([same(minute) for minute in range(100, 400)])
    world.clock.advance_to(START + 400 * MINUTE + SETTLE_MILLIS)
    with pytest.raises(Unavailable):
        await audit.round()
    world.history.error = None
    await audit.round()
    assert audit.counts == {Verdict.EQUAL: 300}


async def test_a_refused_symbol_is_left_alone_for_a_while_and_stops_no_other():
    world = World()
    await world.store.write([same(80, symbol="NOUSDT"), same(80)])
    listed = world.history.candles

    async def candles(symbol, *args):
        found = await listed(symbol, *args)
        if symbol == "NOUSDT":
            raise Refused("symbol invalid", "not_found")
        return found

    world.history.candles = candles
    audit = audit_of(world, "NOUSDT", SYMBOL)
    await rounds(world, audit, 9)
    assert audit.counts == {Verdict.EQUAL: 1}
    assert [symbol for symbol, *_ in world.history.calls].count("NOUSDT") == 1
    world.history.candles = listed
    await rounds(world, audit, 3)
    assert audit.counts == {Verdict.EQUAL: 2}
