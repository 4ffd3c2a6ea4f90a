"""The head of a series only moves outwards and forwards, whatever the order of the writes."""

from shared.adapters.wire.bigtable_heads import Head, stretch
from shared.domain.candle import FormingCandle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle

BTC = Instrument(EXCHANGE, SYMBOL)
M1 = Timeframe.M1


async def test_a_late_forming_view_of_another_writer_does_not_hide_a_newer_one(store, other):
    views = [FormingCandle(make_candle(START, str(n), complete=False), START + n) for n in (3, 2, 1)]
    for view, writer in zip(views, (store, other, other), strict=True):
        await writer.write_forming([view])
    assert await other.read_forming([BTC], M1) == {BTC: views[0]}


def view(open_time: int) -> FormingCandle:
    return FormingCandle(make_candle(open_time, complete=False), open_time + 1)


def test_candles_inside_the_span_and_before_the_view_change_nothing():
    head = Head(START, START + 9 * MINUTE, view(START + 10 * MINUTE))
    assert stretch(head, START, START + 9 * MINUTE) == []
    assert len(stretch(head, START + 9 * MINUTE, START + 10 * MINUTE)) == 3  # the last one moves, the view ends


async def test_of_two_stale_writers_the_wider_span_stays(store, other, monkeypatch):
    writers = "shared.adapters.wire.bigtable_heads.parse"
    monkeypatch.setattr(writers, lambda _: Head())  # both believe that the series is new
    for minute, writer in ((5, store), (9, other), (7, store), (2, other), (4, store)):
        await writer.write([make_candle(START + minute * MINUTE)])
    monkeypatch.undo()
    assert [each.open_time for each in (await store.read_latest([BTC], M1, 9))[BTC]] == [
        START + minute * MINUTE for minute in (2, 4, 5, 7, 9)
    ]
