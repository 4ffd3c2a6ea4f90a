"""Files of a backtest: whole, or as they were."""

import pytest

from services.cli.parts.backtest_files import EQUITY, TRADES, equity_csv, prepare, trades_csv, write_all
from shared.backtest.account import Costs, Limits, Traded, account
from shared.backtest.positions import ClosedPosition
from shared.backtest.run import Result
from shared.domain.exit_rules import ExitRules
from shared.domain.signal import ExitReason, Side
from shared.errors import InvalidInput
from tests.backtest.markets import arrays, records
from tests.makers import MINUTE, START


def test_all_files_are_written(tmp_path):
    prepare(tmp_path / "new" / "folder")
    write_all(tmp_path / "new/folder", {"a.csv": "1\n", "b.csv": "2\n"})
    assert {path.name: path.read_text() for path in (tmp_path / "new/folder").iterdir()} == {
        "a.csv": "1\n",
        "b.csv": "2\n",
    }


def test_when_one_cannot_be_written_the_others_stay_as_they_were(tmp_path):
    (tmp_path / "a.csv").write_text("before")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(InvalidInput, match=r"b\.csv is a directory"):
        write_all(tmp_path, {"a.csv": "after", "b.csv": "after"})
    assert (tmp_path / "a.csv").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match="file/out cannot be written"):
        prepare(tmp_path / "file" / "out")


def test_a_trade_is_one_row_with_its_gain_before_costs():
    position = ClosedPosition(
        "x/BTCUSDT/1/LONG", "BTCUSDT", Side.LONG, 0, START, 100.5, 102.0, 99.8, 3, START + MINUTE, 99.8,
        ExitReason.STOP_LOSS, -0.6965, True,
    )  # fmt: skip
    assert trades_csv([Result(position, -0.8, 1.0)]).splitlines() == [
        TRADES,
        f"x/BTCUSDT/1/LONG,BTCUSDT,LONG,{START},100.5,102.0,99.8,{START + MINUTE},99.8,stop_loss,-0.6965,1",
    ]


def test_the_equity_is_one_row_a_close():
    market = Traded(arrays([100, 101, 99]), records((0, 2, 1, 100.0, -1.0)))
    kept = account([market], ExitRules(1, 0, 0.0, 0), Costs(0.0, 0.0), Limits(0.01, 1.0))
    assert equity_csv(kept).splitlines() == [
        EQUITY,
        f"{START + MINUTE},1,0.000000",
        f"{START + 2 * MINUTE},1.01,0.000000",
        f"{START + 3 * MINUTE},0.99,0.019802",
    ]
