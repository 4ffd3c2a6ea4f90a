"""Two candles of one minute: which differences count, which are explained, which are nothing."""

import csv
import gzip
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.candle import CandleSource, OpenMode
from shared.engine.candle_audit import TURNOVER_UNIT, Finding, Verdict, compare
from tests.makers import make_candle, recorded

PREVIOUS, FIRST = OpenMode.PREVIOUS_CLOSE, OpenMode.FIRST_TRADE
SHAPE = {"open": "100", "high": "103", "low": "99", "close": "101", "quantity": "5", "turnover": "500", "trades": 3}
MOVED = Finding(Verdict.SURPLUS, ("close", "quantity"))


def ours(**fields):
    return make_candle(**(SHAPE | fields))


def theirs(**fields):
    return make_candle(**(SHAPE | {"trades": 0, "source": CandleSource.EXCHANGE} | fields))


def judged(mine=None, other=None, mode=PREVIOUS, *, counts_marked=True, before=None):
    return compare(mine or ours(), other or theirs(), mode, counts_marked=counts_marked, before=before)


@pytest.mark.parametrize("mode", OpenMode)
def test_equal_numbers_are_equal_however_they_are_written(mode):
    written = theirs(close="101.00", quantity="5.000", turnover="500.0")
    assert judged(other=written, mode=mode) == Finding(Verdict.EQUAL)


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("open", "100.1"),
        ("high", "103.1"),
        ("low", "98.9"),
        ("close", "101.1"),
        ("quantity", "5.001"),
        ("turnover", "500.0001"),
        ("turnover", "499.9999"),
    ],
)
def test_each_figure_is_compared_strictly(figure, value):
    assert judged(other=theirs(**{figure: value})) == Finding(Verdict.MISMATCH, (figure,))


def test_less_than_one_unit_of_the_venues_last_decimal_is_rounding():
    exact = ours(turnover="500.00004999")
    assert judged(exact, theirs(turnover="500")).verdict is Verdict.EQUAL
    assert judged(exact, theirs(turnover="500.0001")).verdict is Verdict.EQUAL


def test_a_candle_that_opens_with_its_first_trade_meets_one_that_opens_with_the_close_before():
    mine = ours(open="102")
    assert judged(mine, theirs(), FIRST) == Finding(Verdict.EQUAL)
    assert judged(mine, theirs(open="98", low="98"), FIRST) == Finding(Verdict.EQUAL)
    assert judged(mine, theirs(open="104", high="104"), FIRST) == Finding(Verdict.EQUAL)
    assert judged(mine, theirs(high="104"), FIRST) == Finding(Verdict.MISMATCH, ("high",))
    assert judged(mine, theirs(open="98", low="97"), FIRST) == Finding(Verdict.MISMATCH, ("low",))
    assert judged(mine, theirs(close="102"), FIRST) == Finding(Verdict.MISMATCH, ("close",))


def test_a_missed_trade_is_a_mismatch_whatever_we_count():
    for counts_marked in (True, False):
        finding = judged(other=theirs(quantity="6", turnover="601"), counts_marked=counts_marked)
        assert finding == Finding(Verdict.MISMATCH, ("quantity", "turnover"))


def test_what_the_venue_leaves_out_is_a_surplus_only_where_such_trades_count():
    less = theirs(high="102", close="100", quantity="4", turnover="397")
    differs = ("high", "close", "quantity", "turnover")
    assert judged(other=less) == Finding(Verdict.SURPLUS, differs)
    assert judged(other=less, counts_marked=False) == Finding(Verdict.MISMATCH, differs)


@pytest.mark.parametrize(
    "damage",
    [{"high": "104"}, {"low": "98"}, {"open": "100.5"}, {"turnover": "501"}],
    ids=lambda damage: next(iter(damage)),
)
def test_a_surplus_must_be_able_to_hold_all_of_the_venues_trades(damage):
    less = {"quantity": "4", "turnover": "397"}
    assert judged(other=theirs(**less)).verdict is Verdict.SURPLUS
    assert judged(other=theirs(**(less | damage))).verdict is Verdict.MISMATCH


def test_behind_a_surplus_that_moved_the_close_the_next_minute_begins_elsewhere():
    assert MOVED.shifts_next
    lower = theirs(open="98", low="98")
    assert judged(other=lower).verdict is Verdict.MISMATCH
    assert judged(other=lower, before=MOVED) == Finding(Verdict.SURPLUS, ("open", "low"))
    assert judged(other=lower, before=Finding(Verdict.SURPLUS, ("quantity",))).verdict is Verdict.MISMATCH
    assert judged(other=lower, before=Finding(Verdict.MISMATCH, ("close",))).verdict is Verdict.MISMATCH
    assert judged(other=theirs(open="98", low="98", close="100"), before=MOVED).verdict is Verdict.MISMATCH


def test_an_empty_minute_carries_the_shifted_close_on():
    empty = {"open": "101", "high": "101", "low": "101", "close": "101", "quantity": "0", "turnover": "0", "trades": 0}
    moved = dict.fromkeys(("open", "high", "low", "close"), "102")
    finding = judged(ours(**empty), theirs(**(empty | moved)), before=MOVED)
    assert finding == Finding(Verdict.SURPLUS, ("open", "high", "low", "close"))
    assert finding.shifts_next
    assert judged(ours(**empty), theirs(**(empty | moved))).verdict is Verdict.MISMATCH


prices = st.decimals(90, 110, places=1)


@given(
    st.lists(st.tuples(prices, st.decimals("0.001", 9, places=3), st.booleans()), min_size=1, max_size=8),
    prices,
    st.sampled_from(OpenMode),
)
def test_no_set_of_marked_trades_that_the_venue_leaves_out_raises_an_alarm(trades, seed, mode):
    def folded(kept, first, **fields):
        paid = [first, *(price for price, _, _ in kept)]
        figures = (first, max(paid), min(paid), paid[-1])
        sums = sum(size for _, size, _ in kept), sum(price * size for price, size, _ in kept)
        names = ("open", "high", "low", "close", "quantity", "turnover")
        return make_candle(**dict(zip(names, map(str, (*figures, *sums)), strict=True)), **fields)

    unmarked = [trade for trade in trades if not trade[2]]
    mine = folded(trades, seed if mode is PREVIOUS else trades[0][0])
    other = folded(unmarked, seed, source=CandleSource.EXCHANGE)
    expected = Verdict.EQUAL if len(unmarked) == len(trades) else Verdict.SURPLUS
    assert judged(mine, other, mode).verdict is expected
    if unmarked != trades:  # the other way round trades are missing
        assert judged(folded(unmarked, seed), folded(trades, seed), PREVIOUS).verdict is Verdict.MISMATCH


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT"])
def test_the_venues_turnover_is_exact_to_the_unit_in_every_recorded_candle(symbol):
    def rows(length):
        with gzip.open(recorded("candles", f"bybit_{symbol}_{length}_2025.csv.gz"), "rt") as file:
            return {
                int(datetime.fromisoformat(row["ts"]).timestamp()): (Decimal(row["turn"]), Decimal(row["vol"]))
                for row in csv.DictReader(file)
            }

    quarters, fours = rows("15m"), rows("240m")
    turnovers = [turnover for turnover, _ in (*quarters.values(), *fours.values())]
    assert len(turnovers) == 10_000
    assert all(turnover % TURNOVER_UNIT == 0 for turnover in turnovers)
    compared = 0
    for start, whole in list(fours.items())[:-1]:  # the last one was still open
        parts = [quarters.get(start + 900 * number) for number in range(16)]
        if None not in parts:
            compared += 1
            assert tuple(sum(figures) for figures in zip(*parts, strict=True)) == whole
    assert compared == 561
