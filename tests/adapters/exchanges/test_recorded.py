"""Files become the feed they once were: in order of time, on minutes' edges, and then silence."""

from contextlib import aclosing
from itertools import pairwise

import pytest
from pydantic import ValidationError

from shared.adapters.clock.manual import ManualClock
from shared.adapters.exchanges.recorded import Options, create
from shared.domain.feed import FeedAlive, FeedConnected, FeedTrades
from shared.errors import InvalidInput
from tests.makers import MINUTE, START

COLUMNS = {"time": "time", "price": "price", "quantity": "size", "id": "id"}


@pytest.fixture
def play(tmp_path):
    """Events of a recording of trades at these times (ms after START) up to its end, and the exchange."""

    async def run(*times):
        path = tmp_path / "trades.csv"
        rows = [f"{START + time},100,1,{number}" for number, time in enumerate(times)]
        path.write_text("\n".join(["time,price,size,id", *rows]))
        clock = ManualClock()
        exchange = create(Options(files=(path,), format="csv", columns=COLUMNS), clock)
        events = []
        async with aclosing(exchange.events(["BTCUSDT"])) as feed:
            async for event in feed:
                events.append((event, clock.now()))
                if isinstance(event, FeedAlive):
                    break
        return exchange, events

    return run


async def test_a_recording_is_one_connection_that_covers_its_first_and_last_minute(play):
    exchange, events = await play(30_500, 30_700, 95_000)
    (connected, _), *frames, (alive, _) = events
    assert connected == FeedConnected(symbols=("BTCUSDT",), refused={}, covered_from=START)
    assert [len(frame.trades) for frame, _ in frames] == [2, 1]
    assert START + 2 * MINUTE < alive.venue_time < START + 3 * MINUTE
    assert exchange.trades == 3


async def test_trades_out_of_order_come_in_order_and_the_clock_follows(play):
    _, events = await play(*range(0, 60_000, 700), *range(100, 30_000, 900))
    frames = [(event, now) for event, now in events if isinstance(event, FeedTrades)]
    times = [trade.event_time for frame, _ in frames for trade in frame.trades]
    assert times == sorted(times)
    for frame, now in frames:
        assert all(trade.event_time < frame.venue_time for trade in frame.trades)
        assert now == frame.venue_time
    assert all(before[1] < after[1] for before, after in pairwise(frames))


async def test_a_file_without_a_trade_of_the_symbol_is_refused(tmp_path):
    exchange = create(Options(files=(tmp_path / "absent.csv",)), ManualClock())
    with pytest.raises(InvalidInput, match=r"absent\.csv: no such file"):
        await anext(exchange.events(["BTCUSDT"]))


def test_no_file_is_no_recording():
    with pytest.raises(ValidationError, match="files"):
        Options(files=())
