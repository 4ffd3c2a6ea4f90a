"""Writers that race and writers that die: the better candle stays, and is found."""

import asyncio

import pytest

from shared.adapters.wire import bigtable_candle_writes
from shared.domain.candle import CandleSource
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle

BTC = Instrument(EXCHANGE, SYMBOL)
M1 = Timeframe.M1
VERSIONS = {
    "incomplete": make_candle(close="1", complete=False, trades=9),
    "revised incomplete": make_candle(close="2", complete=False, revision=2, trades=9),
    "complete": make_candle(close="3"),
    "from the exchange": make_candle(close="4", revision=3, trades=0, source=CandleSource.EXCHANGE),
    "late trade": make_candle(close="5", revision=4, trades=2),
}


@pytest.fixture
def between(monkeypatch):
    """Something that happens after a writer has looked at the cells and before it writes."""
    read_affected = bigtable_candle_writes._read_affected

    def interpose(happening):
        async def with_gap(*args):
            seen = await read_affected(*args)
            monkeypatch.setattr(bigtable_candle_writes, "_read_affected", read_affected)
            await happening()
            return seen

        monkeypatch.setattr(bigtable_candle_writes, "_read_affected", with_gap)

    return interpose


@pytest.mark.parametrize("slow", VERSIONS)
@pytest.mark.parametrize("quick", VERSIONS)
async def test_of_two_writers_that_race_the_better_candle_stays(store, other, between, slow, quick):
    between(lambda: other.write([VERSIONS[quick]]))
    changed = await store.write([VERSIONS[slow]])
    best = max(VERSIONS[slow], VERSIONS[quick], key=lambda candle: (candle.complete, candle.revision, candle.trades))
    assert await store.read(BTC, M1, START, START + 1) == [best]
    if not VERSIONS[slow].complete:
        assert changed == ([VERSIONS[slow]] if VERSIONS[slow].supersedes(VERSIONS[quick]) else [])
    assert await other.write([VERSIONS[slow]]) == []


async def test_many_writers_at_once_leave_the_best_of_every_minute(store, other):
    ranks = [(complete, revision) for complete in (False, True) for revision in range(4)]
    waves = [
        [make_candle(START + n * MINUTE, str(n + 1), complete=complete, revision=revision) for n in range(20)]
        for complete, revision in ranks
    ]
    await asyncio.gather(*(writer.write(wave) for wave in waves[::-1] for writer in (store, other)))
    assert await store.read(BTC, M1, 0, 2**53) == waves[-1]


async def test_a_candle_whose_head_was_not_written_is_found_after_it_is_written_again(store, other, monkeypatch):
    with monkeypatch.context() as patch:  # the process died between the rows of one bulk write
        patch.setattr(bigtable_candle_writes, "_head_entries", lambda *_: [])
        await store.write([make_candle()])
    assert (await other.read_latest([BTC], M1, 1))[BTC] == []
    assert await other.write([make_candle()]) == []
    assert (await other.read_latest([BTC], M1, 1))[BTC] == [make_candle()]
