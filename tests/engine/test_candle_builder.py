"""Packs in, candles out: one example for each rule of "Trades to candles"."""

from decimal import Decimal

import pytest

from shared.domain.candle import Look, OpenMode
from shared.engine.candle_builder import CandleBuilder
from shared.errors import ConfigurationError, InvalidMessage, InvariantViolation
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_pack, make_trade

GRACE, PATIENCE, RETENTION = 500, 15_000, 300_000


def make_builder(open_mode=OpenMode.PREVIOUS_CLOSE, **fields):
    times = {"grace": GRACE, "patience": PATIENCE, "retention": RETENTION} | fields
    return CandleBuilder(exchange=EXCHANGE, open_mode=open_mode, **times)


def seeded(open_mode=OpenMode.PREVIOUS_CLOSE, **fields):
    builder = make_builder(open_mode, **fields)
    builder.seed(SYMBOL, START - MINUTE, Decimal(100))
    return builder


def brief(candles):
    """Minute, open and close, trades, and a mark: complete, or revision of a revised one."""
    return [
        (
            (candle.open_time - START) // MINUTE,
            f"{candle.open}-{candle.close}",
            candle.trades,
            "complete" if candle.complete else "incomplete",
            candle.revision,
        )
        for candle in candles
    ]


def at(minute, millis=0):
    return START + minute * MINUTE + millis


def test_a_proven_minute_closes_once_the_watermark_has_passed_it_by_the_grace():
    builder = seeded()
    assert builder.on_pack(make_pack(0, at(0, 40_000), (make_trade(at(0, 30_000), "101"),))) == []
    assert builder.on_pack(make_pack(1, at(1, GRACE - 1), prior_event_time=at(0, 30_000))) == []
    closed = builder.on_pack(make_pack(2, at(1, GRACE), prior_event_time=at(0, 30_000)))
    assert brief(closed) == [(0, "100-101", 1, "complete", 0)]
    assert (closed[0].low, closed[0].high) == (Decimal(100), Decimal(101)), "the previous close counts"
    assert closed[0].looks == (Look(at(0, 45_000), Decimal(101), Decimal(101)),), "but not in looks"


def test_minutes_without_any_pack_between_two_runs_are_flat_and_incomplete():
    builder = seeded()
    builder.on_pack(make_pack(0, at(0, 40_000), (make_trade(at(0, 30_000), "101"),)))
    second = make_pack(0, at(3, 10_000), (make_trade(at(3, 9_000), "105"),), run_id="r2", covered_from=at(3, 5_000))
    assert brief(builder.on_pack(second)) == [(0, "100-101", 1, "incomplete", 0), (1, "101-101", 0, "incomplete", 0)]
    late_enough = make_pack(1, at(5, GRACE), run_id="r2", covered_from=at(3, 5_000), prior_event_time=at(3, 9_000))
    assert brief(builder.on_pack(late_enough)) == [
        (2, "101-101", 0, "incomplete", 0),
        (3, "101-105", 1, "incomplete", 0),
        (4, "105-105", 0, "complete", 0),
    ], "the last trade of minute 3 is known to be its last, so minute 4 is whole"


def test_after_a_minute_whose_close_is_not_known_a_candle_is_complete_only_if_it_opens_by_itself():
    for open_mode, word in ((OpenMode.PREVIOUS_CLOSE, "incomplete"), (OpenMode.FIRST_TRADE, "complete")):
        builder = seeded(open_mode)
        builder.on_pack(make_pack(0, at(0, 10_000)))
        run = {"run_id": "r2", "covered_from": at(1)}
        first = make_pack(0, at(1, 30_000), (make_trade(at(1, 5_000), "103"),), **run)
        assert [line[3] for line in brief(builder.on_pack(first))] == ["incomplete"]
        closed = builder.on_pack(make_pack(1, at(2, GRACE), prior_event_time=at(1, 5_000), **run))
        assert [line[3] for line in brief(closed)] == [word]


def test_without_any_predecessor_the_first_candle_opens_by_its_first_trade_and_is_incomplete():
    builder = make_builder()
    trades = (make_trade(at(0, 1), "101"), make_trade(at(0, 2), "102"))
    builder.on_pack(make_pack(0, at(0, 5_000), trades))
    closed = builder.on_pack(make_pack(1, at(2, GRACE), prior_event_time=at(0, 2)))
    assert brief(closed) == [(0, "101-102", 2, "incomplete", 0), (1, "102-102", 0, "complete", 0)]


def test_before_its_first_price_a_symbol_has_no_candles_yet_minutes_pass():
    builder = make_builder(OpenMode.FIRST_TRADE)
    assert builder.on_pack(make_pack(0, at(3, GRACE))) == []
    assert builder.closed_through(0) == at(3)
    closed = builder.on_pack(make_pack(1, at(5, GRACE), (make_trade(at(4, 1), "9"),)))
    assert brief(closed) == [(4, "9-9", 1, "complete", 0)]


def test_a_symbol_that_the_run_does_not_name_waits_for_the_patience():
    builder = seeded()
    builder.on_pack(make_pack(0, at(0, 5_000), (make_trade(at(0, 1), "101"),), symbols=("OTHERUSDT",)))
    assert builder.on_pack(make_pack(1, at(1, PATIENCE - 1), prior_event_time=at(0, 1), symbols=())) == []
    closed = builder.on_pack(make_pack(2, at(1, PATIENCE), prior_event_time=at(0, 1), symbols=()))
    assert brief(closed) == [(0, "100-101", 1, "incomplete", 0)]
    named = builder.on_pack(make_pack(3, at(1, PATIENCE + 1), prior_event_time=at(0, 1)))
    assert brief(named) == [(0, "100-101", 1, "complete", 1)], "a name that comes late still proves"


def test_a_trade_later_than_the_grace_revises_its_candle_and_those_that_follow_from_its_close():
    builder = seeded()
    builder.on_pack(make_pack(0, at(2, GRACE), (make_trade(at(0, 1), "101"),)))
    revised = builder.on_pack(make_pack(1, at(2, 600), (make_trade(at(0, 2), "102"),), prior_event_time=at(0, 1)))
    assert brief(revised) == [(0, "100-102", 2, "complete", 1), (1, "102-102", 0, "complete", 1)]
    again = builder.on_pack(make_pack(2, at(2, 700), (make_trade(at(0, 2), "102"),), prior_event_time=at(0, 2)))
    assert again == [], "a known trade changes nothing"
    assert (builder.stats.late, builder.stats.duplicates) == (1, 1)


def test_a_close_that_changes_carries_over_to_the_next_open_in_previous_close_mode_only():
    for open_mode, expected in ((OpenMode.PREVIOUS_CLOSE, [0, 1]), (OpenMode.FIRST_TRADE, [0])):
        builder = seeded(open_mode)
        trades = (make_trade(at(0, 1), "101"), make_trade(at(1, 1), "103"))
        builder.on_pack(make_pack(0, at(2, GRACE), trades))
        revised = builder.on_pack(make_pack(1, at(2, 600), (make_trade(at(0, 2), "102"),), prior_event_time=at(1, 1)))
        assert [line[0] for line in brief(revised)] == expected


def test_a_trade_older_than_the_retention_is_counted_and_brings_no_minute_back():
    builder = seeded(retention=MINUTE)
    builder.on_pack(make_pack(0, at(3), (make_trade(at(0, 1), "101"),)))
    late = (make_trade(at(0, 2), "102"), make_trade(at(-1, 2), "102"), make_trade(at(2, 2), "104"))
    assert brief(builder.on_pack(make_pack(1, at(3, 1), late, prior_event_time=at(0, 1)))) == []
    stats = builder.stats
    assert (stats.lost, stats.lost_in, stats.closed_elsewhere, stats.folded) == (1, ((SYMBOL, at(0), 1),), 1, 2)


def test_a_very_old_trade_of_an_unknown_symbol_is_lost_and_starts_no_endless_series():
    builder = make_builder()
    pack = make_pack(0, at(100), (make_trade(at(0), symbol="OLDUSDT"),), symbols=())
    assert builder.on_pack(pack) == []
    assert (builder.stats.lost, builder.forming()) == (1, [])


def test_trades_without_ids_count_once_each_and_a_pack_that_comes_again_does_not():
    builder = seeded()
    pack = make_pack(0, at(1, GRACE), (make_trade(at(0, 1), trade_id=""), make_trade(at(0, 1), trade_id="")))
    assert builder.on_pack(pack)[0].trades == 2
    assert builder.on_pack(pack) == []
    assert builder.stats.duplicates == 2


def test_a_successor_closes_what_its_predecessor_acknowledged_partly_as_incomplete():
    successor = make_builder(OpenMode.FIRST_TRADE)
    held = make_pack(7, at(1, 100), (make_trade(at(0, 59_999), "7"),), prior_event_time=at(0, 59_000))
    successor.on_pack(held)
    closed = successor.on_pack(make_pack(8, at(2, GRACE), prior_event_time=at(0, 59_999)))
    assert brief(closed) == [(0, "7-7", 1, "incomplete", 0), (1, "7-7", 0, "complete", 0)]


def test_forming_views_show_all_open_minutes_and_finished_looks_only():
    builder = seeded()
    trades = (make_trade(at(0, 1), "101"), make_trade(at(0, 20_000), "102"), make_trade(at(1, 1), "103"))
    builder.on_pack(make_pack(0, at(0, 29_000), trades))
    views = builder.forming()
    assert brief(view.candle for view in views) == [
        (0, "100-102", 2, "incomplete", 0),
        (1, "102-103", 1, "incomplete", 0),
    ]
    assert {view.as_of for view in views} == {at(0, 29_000 - GRACE)}
    assert [[look.end for look in view.candle.looks] for view in views] == [[at(0, 15_000)], []]


def test_a_look_is_shown_only_when_every_pack_that_could_change_it_is_in_hand():
    builder = seeded()
    delayed = make_pack(1, at(0, 16_000), (make_trade(at(0, 14_000), "90"),), symbols=())
    builder.on_pack(make_pack(0, at(0, 10_000), (make_trade(at(0, 9_000), "101"),)))
    builder.on_pack(make_pack(2, at(0, 31_000), prior_event_time=at(0, 14_000), symbols=()))
    (early,) = builder.forming()
    assert (early.as_of, early.candle.looks) == (at(0, 10_000 - GRACE), ())
    builder.on_pack(delayed)
    (later,) = builder.forming()
    assert later.as_of == at(0, 31_000 - GRACE)
    assert [(look.end, str(look.low)) for look in later.candle.looks] == [(at(0, 15_000), "90")]


def test_a_minute_that_is_not_seen_from_its_start_shows_prices_but_no_look():
    builder = seeded()
    builder.on_pack(make_pack(0, at(0, 40_000), (make_trade(at(0, 20_001), "90"),), covered_from=at(0, 20_000)))
    (view,) = builder.forming()
    assert (view.as_of, view.candle.looks, str(view.candle.low)) == (START, (), "90")


def test_a_pack_may_go_when_everything_it_speaks_of_is_closed():
    builder = seeded()
    first = make_pack(0, at(0, 59_000), (make_trade(at(1, 5), "101"),))
    quiet = make_pack(1, at(0, 59_500), prior_event_time=at(1, 5), symbols=())
    assert [builder.last_minute(pack) for pack in (first, quiet)] == [at(1), at(1)]
    builder.on_pack(first)
    builder.on_pack(quiet)
    assert builder.closed_through(0) == START
    builder.on_pack(make_pack(2, at(1, GRACE), prior_event_time=at(1, 5)))
    assert builder.closed_through(0) == at(1), "minute 0 is closed, the early trade of minute 1 is not"


def test_a_shard_without_symbols_lets_go_after_the_patience_and_an_unknown_shard_never():
    builder = make_builder()
    builder.on_pack(make_pack(0, at(2, PATIENCE), symbols=()))
    assert (builder.closed_through(0), builder.closed_through(1)) == (at(2), 0)


def test_shards_move_apart_and_candles_come_sorted():
    builder = make_builder(OpenMode.FIRST_TRADE)
    builder.on_pack(make_pack(0, at(0, 1), (make_trade(at(1, 1), symbol="Z"),), shard=1, symbols=("Z",)))
    trades = tuple(make_trade(at(minute, 1), symbol=symbol) for symbol in ("B", "A") for minute in (1, 0))
    closed = builder.on_pack(make_pack(0, at(2, GRACE), trades, symbols=("A", "B")))
    assert [(candle.open_time, candle.symbol) for candle in closed] == [
        (at(minute), symbol) for minute in (0, 1) for symbol in ("A", "B")
    ]
    assert (builder.closed_through(0), builder.closed_through(1)) == (at(2), START)
    assert builder.watermark() == at(0, 1)


def test_a_pack_that_cannot_be_right_is_refused_and_changes_nothing():
    builder = seeded()
    for wrong in (
        make_pack(0, at(1, GRACE), exchange="other"),
        make_pack(0, at(1, GRACE), (make_trade(at(0, 1)), make_trade(at(0, 2), "NaN"))),
    ):
        with pytest.raises(InvalidMessage, match=r"other|NaN"):
            builder.on_pack(wrong)
    assert builder.forming() == []
    assert brief(builder.on_pack(make_pack(0, at(1, GRACE)))) == [(0, "100-100", 0, "complete", 0)]


def test_a_seed_after_the_first_pack_is_a_bug():
    builder = seeded()
    builder.on_pack(make_pack(0, at(0, 1)))
    assert builder.knows(SYMBOL)
    with pytest.raises(InvariantViolation, match="seeded after its first pack"):
        builder.seed(SYMBOL, START, Decimal(1))


@pytest.mark.parametrize("times", [{"grace": -1}, {"patience": GRACE - 1}, {"retention": -1}])
def test_times_that_contradict_each_other_are_refused(times):
    with pytest.raises(ConfigurationError, match=str(next(iter(times.values())))):
        make_builder(**times)


def test_memory_holds_only_open_minutes_and_the_retention():
    builder = seeded(retention=2 * MINUTE)
    prior = START - 1
    for seq in range(600):
        watermark = START + (seq + 1) * 6_000
        trade = make_trade(watermark - 1)
        run = f"r{seq // 7}"
        builder.on_pack(make_pack(seq % 7, watermark, (trade,), run_id=run, prior_event_time=prior))
        prior = watermark - 1
    shard = builder._shards[0]
    assert len(shard.series[SYMBOL]._minutes) <= 5
    assert len(shard.coverage._runs) <= 8
