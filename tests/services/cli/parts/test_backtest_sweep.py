"""What a user asks to be swept, and the table."""

import pytest

from services.cli.parts.backtest_sweep import SweepOptions, axis, sweep_and_write
from shared.backtest.account import Costs
from shared.backtest.numeric_strategy import numeric
from shared.errors import InvalidInput
from tests.backtest.markets import busy_walk

STRATEGY = numeric("rsi_divergence", {"overbought": 60})
GIVEN = {"sweep": (), "at_random": None, "seed": 1, "train": 0.7, "walk_forward": None, "backend": "threads"} | {
    "scheduler": None
}


def test_both_ends_are_tried():
    assert axis("oversold", "15:35:10", STRATEGY).values == (15.0, 25.0, 35.0)
    assert axis("take_profit_pct", "0.1:0.5:0.1", STRATEGY).values == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert axis("pivot_left", "3:5:1", STRATEGY).values == (3, 4, 5)
    assert axis("oversold", "20:20:5", STRATEGY).values == (20.0,)


@pytest.mark.parametrize("text", ["1:2", "a:2:1", "3:2:1", "1:2:0", "1:2:-1", "nan:2:1", "1:inf:1", "0:1:1e-9"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InvalidInput, match="--sweep oversold"):
        axis("oversold", text, STRATEGY)


def test_without_a_sweep_there_are_no_options_for_one():
    assert SweepOptions.read(GIVEN, STRATEGY) is None
    for lonely in ({"at_random": 5}, {"walk_forward": 3}, {"backend": "dask"}, {"scheduler": "tcp://x:1"}):
        with pytest.raises(InvalidInput, match=r"needs --sweep|add --backend dask"):
            SweepOptions.read(GIVEN | lonely, STRATEGY)


def test_too_many_combinations_are_refused():
    with pytest.raises(InvalidInput, match="add --random"):
        SweepOptions.read(GIVEN | {"sweep": ("oversold=0:60:0.1", "pivot_left=1:300:1")}, STRATEGY)


def test_refused_sets_are_counted_and_the_rest_is_written(tmp_path):
    options = SweepOptions.read(GIVEN | {"sweep": ("oversold=40:80:20",)}, STRATEGY)
    found = sweep_and_write([busy_walk(2_000)], STRATEGY, Costs(0.0006, 0.0002), options, tmp_path)
    assert (found.as_json["sets"], found.as_json["refused"]) == (2, 1)
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 3
    assert "told of the test span" in found.text


def test_where_every_set_is_refused_that_is_said(tmp_path):
    options = SweepOptions.read(GIVEN | {"sweep": ("oversold=70:80:10",)}, STRATEGY)
    with pytest.raises(InvalidInput, match="refuses every combination"):
        sweep_and_write([busy_walk(300)], STRATEGY, Costs(0.0, 0.0), options, tmp_path)
    assert list(tmp_path.iterdir()) == []
