"""One symbol: what happens to its minutes as proofs come, grow and age."""

from decimal import Decimal

from shared.domain.candle import OpenMode
from shared.domain.timeframe import Timeframe
from shared.engine.candle_fold import CandleShape
from shared.engine.candle_series import CandleSeries, Close
from shared.engine.coverage import Coverage
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_pack, make_trade

SHAPE = CandleShape(EXCHANGE, SYMBOL, Timeframe.M1, OpenMode.FIRST_TRADE)


def covered_to(watermark, **fields):
    coverage = Coverage(0)
    coverage.add(make_pack(0, watermark, **fields))
    return coverage


def test_minutes_close_in_order_even_when_a_later_one_is_proven_first():
    series = CandleSeries(SHAPE, START, Close(Decimal(1), is_known=True), 10 * MINUTE)
    series.fold(START + MINUTE, [make_trade(START + MINUTE)])
    coverage = covered_to(START + 2 * MINUTE, covered_from=START + MINUTE)
    assert series.settle(coverage, START) == []
    candles = series.settle(coverage, START + MINUTE)
    assert [(candle.open_time - START, candle.complete) for candle in candles] == [(0, False), (MINUTE, True)]


def test_an_older_trade_moves_the_start_of_an_unseeded_series_back_and_the_gap_closes_behind_it():
    series = CandleSeries(SHAPE, START + 2 * MINUTE, None, 10 * MINUTE)
    coverage = covered_to(START + 3 * MINUTE)
    series.fold(START + 2 * MINUTE, [make_trade(START + 2 * MINUTE, "5")])
    assert len(series.settle(coverage, 0)) == 1
    assert series.accepts(START, START + 3 * MINUTE)
    series.fold(START, [make_trade(START, "4")])
    assert series.open_from == START
    moved_back = series.settle(coverage, 0)
    assert [(candle.open_time - START, candle.close, candle.revision) for candle in moved_back] == [
        (0, Decimal(4), 0),
        (MINUTE, Decimal(4), 0),
    ], "the first trade opens minute 2 in this mode, so it stays as it is"
    assert series.open_from == START + 3 * MINUTE


def test_a_seeded_series_does_not_go_back():
    series = CandleSeries(SHAPE, START, Close(Decimal(1), is_known=True), 10 * MINUTE)
    assert not series.accepts(START - MINUTE, START)
    assert series.accepts(START, START)


def test_a_proof_once_had_stays_when_coverage_forgets():
    series = CandleSeries(SHAPE, START, None, 10 * MINUTE)
    series.fold(START, [make_trade(START)])
    coverage = covered_to(START + MINUTE)
    assert [candle.complete for candle in series.settle(coverage, 0)] == [True]
    coverage.forget(START + 5 * MINUTE)
    series.fold(START, [make_trade(START + 1)])
    assert [(candle.complete, candle.revision) for candle in series.settle(coverage, 0)] == [(True, 1)]


def test_reconsidering_touches_only_series_with_an_unproven_minute_behind_the_time():
    series = CandleSeries(SHAPE, START, Close(Decimal(1), is_known=True), 10 * MINUTE)
    series.settle(Coverage(0), START + MINUTE)
    assert series.uncovered_to == START + MINUTE
    proof = covered_to(START + MINUTE)
    series.reconsider(START + MINUTE)
    assert series.settle(proof, 0) == []
    series.reconsider(START)
    assert [(candle.complete, candle.revision) for candle in series.settle(proof, 0)] == [(True, 1)]


def test_what_was_folded_is_told_apart():
    series = CandleSeries(SHAPE, START, None, 10 * MINUTE)
    assert series.fold(START, [make_trade(START), make_trade(START)]) == (1, 0, 1)
    series.settle(Coverage(0), START + MINUTE)
    assert series.fold(START, [make_trade(START + 1), make_trade(START)]) == (1, 1, 1)
