"""Words and tables: no figure without its interval, none where there are too few results."""

import pytest

from shared.backtest.positions import ClosedPosition
from shared.backtest.report_tables import (
    NO_BREAK,
    TOO_FEW,
    factor_text,
    group_table,
    groups,
    interval_text,
    percent,
    rate_text,
    verdict,
)
from shared.backtest.run import Result
from shared.domain.signal import ExitReason, Side
from shared.engine.statistics import Interval, record
from tests.makers import MINUTE, START


def result(net, symbol="BTCUSDT", minutes=0):
    entered = START + minutes * MINUTE
    position = ClosedPosition(
        "id", symbol, Side.LONG, 0, entered, 1.0, 1.0, 1.0, 1, entered + MINUTE, 1.0, ExitReason.STOP_LOSS, net, False
    )
    return Result(position, net, 1.0)


@pytest.mark.parametrize(
    ("results", "start"),
    [
        ([1.0, -0.5] * 5, f"10 trades; {TOO_FEW}"),
        ([1.0, -0.1] * 40, "After costs the mean result is above 0"),
        ([0.1, -1.0] * 40, "After costs this loses"),
        ([1.0, -1.0] * 40, "No edge is shown"),
        ([], f"0 trades; {TOO_FEW}"),
    ],
)
def test_the_verdict_says_what_the_interval_allows(results, start):
    assert verdict(record(results)).startswith(start)


def test_figures_are_written_with_their_intervals():
    assert percent(-1.5) == "\N{MINUS SIGN}1.50 %"
    assert percent(-0.001) == "0.00 %"
    assert rate_text(Interval(0.275, 0.189, 0.381)) == f"28{NO_BREAK}% (19{NO_BREAK}to{NO_BREAK}38)"
    assert (
        factor_text(Interval(float("inf"), 2.0, float("inf")))
        == f"\N{INFINITY} (2.00{NO_BREAK}to{NO_BREAK}\N{INFINITY})"
    )
    assert interval_text(None, str) == rate_text(None) == "\N{EN DASH}"


def test_results_are_grouped_by_symbol_hour_and_month():
    shown = dict(groups([result(1.0), result(-1.0, "ETHUSDT", minutes=61), result(2.0, minutes=32 * 1440)]))
    assert shown["Symbol"] == [("BTCUSDT", [1.0, 2.0]), ("ETHUSDT", [-1.0])]
    assert [name for name, _ in shown["Hour of entry, UTC"]] == ["00", "01"]
    assert [name for name, _ in shown["Month of entry"]] == ["2026-01", "2026-02"]


def test_a_group_of_few_makes_no_claim_and_a_name_is_no_markup():
    drawn = group_table("Symbol", [("<b>", [1.0] * 29), ("many", [1.0, -1.0] * 15)])
    assert "&lt;b&gt;</th><td>29</td><td>29</td>" in drawn
    assert drawn.count("not meaningful") == 1
    assert f"50{NO_BREAK}% (33{NO_BREAK}to{NO_BREAK}67)" in drawn
