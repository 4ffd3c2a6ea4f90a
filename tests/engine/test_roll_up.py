"""Longer candles of shorter ones: whole ones only, equal to the venue's own."""

import csv
import gzip
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.candle import CandleSource
from shared.domain.timeframe import Timeframe
from shared.engine.roll_up import roll_up
from shared.errors import InvariantViolation
from tests.engine.macro_markets import FIVE, HOUR, market
from tests.makers import MINUTE, START, make_candle, recorded


def test_a_longer_candle_is_made_of_all_its_parts():
    parts = [
        make_candle(START, "3", open="2", high="9", low="1", quantity="1", turnover="2", trades=1),
        *(make_candle(START + n * MINUTE, "4", quantity="0.5", turnover="2", trades=2) for n in range(1, 4)),
        make_candle(START + 4 * MINUTE, "7", open="4", high="8", low="3", quantity="2", turnover="3", trades=5),
    ]
    [rolled] = roll_up(parts, Timeframe.M5)
    assert (rolled.open_time, rolled.timeframe, rolled.complete) == (START, Timeframe.M5, True)
    assert (rolled.open, rolled.high, rolled.low, rolled.close) == tuple(map(Decimal, ("2", "9", "1", "7")))
    assert (rolled.quantity, rolled.turnover, rolled.trades) == (Decimal("4.5"), Decimal(11), 12)


@given(st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
def test_an_hour_with_an_absent_or_incomplete_part_is_left_out(absent, incomplete):
    candles = [
        make_candle(START + n * FIVE, timeframe=Timeframe.M5, complete=n not in incomplete)
        for n in range(24)
        if n not in absent
    ]
    hours = [hour.open_time for hour in roll_up(candles, Timeframe.H1)]
    assert hours == ([START, START + HOUR] if not absent | incomplete else [START + HOUR])


def test_a_part_at_the_edge_does_not_make_an_hour():
    assert [hour.open_time for hour in roll_up(market(30)[5:], Timeframe.H1)] == [START + HOUR]


def test_sums_keep_every_digit_whatever_their_size():
    quantities = ["1e17", *["0.000000000000000001"] * 4]
    candles = [make_candle(START + n * MINUTE, quantity=quantity) for n, quantity in enumerate(quantities)]
    assert roll_up(candles, Timeframe.M5)[0].quantity == Decimal("100000000000000000.000000000000000004")


@pytest.mark.parametrize("source", CandleSource)
def test_it_is_the_exchanges_only_when_all_of_it_is(source):
    candles = [make_candle(START + n * MINUTE, source=CandleSource.EXCHANGE) for n in range(4)]
    candles.append(make_candle(START + 4 * MINUTE, source=source))
    assert roll_up(candles, Timeframe.M5)[0].source is source


def test_a_shorter_timeframe_is_a_mistake():
    with pytest.raises(InvariantViolation, match="5m candles cannot be rolled up to 1m"):
        roll_up(market(3), Timeframe.M1)
    assert roll_up([], Timeframe.M1) == []


def read(name, timeframe):
    with gzip.open(recorded("candles", name), "rt", encoding="utf-8") as file:
        return [
            make_candle(
                int(row["timestamp"]), row["close"], timeframe=timeframe, quantity=row["volume"], turnover="0",
                **{field: row[field] for field in ("open", "high", "low")},
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def test_recorded_minutes_make_the_recorded_five_minutes():
    rolled = roll_up(read("bybit_GRTUSDT_1_2025-11-01_2025-11-12.csv.gz", Timeframe.M1), Timeframe.M5)
    listed = {candle.open_time: candle for candle in read("bybit_GRTUSDT_5_2025-11-01_2025-11-12.csv.gz", Timeframe.M5)}
    assert len(rolled) > 3_000
    for candle in rolled:
        other = listed[candle.open_time]
        assert (candle.open, candle.high, candle.low, candle.close) == (other.open, other.high, other.low, other.close)
        assert candle.quantity == other.quantity
