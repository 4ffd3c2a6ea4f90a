"""Real processes, killed and cheated while a market of a few hours passes, decide and say what a calm run does."""

import json
from decimal import Decimal
from math import sin
from pathlib import Path
from random import Random

import pytest

from services.wiring import SERVICES
from tests.flows.processes import tracker
from tests.makers import MINUTE, START

HISTORY = 255  # the strategy speaks when it has seen 252 candles
MINUTES = 320
# Loose enough to speak a dozen times in an hour.
STRATEGY = {"OVERSOLD": 45, "OVERBOUGHT": 55, "VOLUME_FACTOR": 0.5, "TAKE_PROFIT_PCT": 0.3, "STOP_LOSS_PCT": 0.3}
ACCIDENTS = ("--kills", 8, "--pauses", 2, "--clock-jumps", 1, "--disk-full", 1)
FAULTS = ("--faults", "ws_drop=2,ws_duplicate=2,telegram_error=1,rest_refuse=1")
PROOF = ("lost", "doubled", "given_up", "wrong_candles", "missing_signals", "extra_signals", "wrong_signals")


@pytest.fixture
def recording(tmp_path):
    """A market that swings, with minutes in which nobody trades."""
    dice = Random(5)  # noqa: S311 - prices are no secret
    rows = ["timestamp,price,quantity,side,id"]
    for number in range(MINUTES * 6):
        time = START + number * 10_000 + dice.randrange(9_000)
        if (time - START) // MINUTE % 17 != 16 or number < 6:
            price = Decimal(f"{100 + 2 * sin(number / 12) + dice.gauss(0, 0.1):.2f}")
            rows.append(f"{time},{price},{dice.randrange(1, 50)},{dice.choice(('buy', 'sell'))},{number + 1}")
    path = tmp_path / "swings.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def settings():
    """The environment of a run in which much is said."""
    values = {f"TRACKER__STRATEGIES__RSI_THRESHOLD__{name}": str(value) for name, value in STRATEGY.items()}
    return values | {"TRACKER__LOGIC_ENGINE__STRATEGIES": "rsi_threshold"}


def started_here(folder: Path) -> list[str]:
    """Command lines of processes that still live in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended meanwhile, or is not ours
            continue
    return found


@pytest.mark.timeout(150)
def test_killed_stopped_and_cheated_processes_decide_and_say_what_a_calm_run_does(tmp_path, recording):
    done = tracker(
        tmp_path,
        *("chaos", recording, "--symbol", "SWINGSUSDT", "--history", HISTORY, "--speed", 300, "--json"),
        *(*ACCIDENTS, *FAULTS),
        seconds=140,
        **settings(),
    )
    assert done.stdout.count("\n") == 1, done.stderr
    counts = json.loads(done.stdout)
    assert {name: counts[name] for name in PROOF} == dict.fromkeys(PROOF, 0), done.stderr
    assert (done.returncode, counts["proven"]) == (0, True)
    assert (counts["kills"], counts["pauses"], counts["clock_jumps"], counts["disk_full"]) == (8, 2, 1, 1)
    assert counts["faults"] == 6
    assert counts["candles"] == MINUTES
    assert counts["signals"] >= 10, "a run that says nothing proves nothing about signals"
    # An ingestor started again behind the recording's last trade was seen to go on connecting: it has no trade to be
    # well by. Nobody else may stay unwell, and what an unwell one said is shown.
    unwell = counts["unrecovered"]
    assert unwell.keys() <= {"ingestor"}, unwell
    assert all(said.startswith("starting") for said in unwell.values()), unwell
    assert unwell or counts["recovered"] == 8
    assert counts["recovery_max_s"] >= counts["recovery_p95_s"] >= counts["recovery_p50_s"] > 0
    assert started_here(tmp_path) == []
    assert {path.stem for path in (tmp_path / "var" / "log").iterdir()} >= set(SERVICES)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--faults", "ws_flop=1"), "ws_flop"),
        (("--speed", "0"), "--speed"),
        (("--bus", "memory"), "--bus"),
    ],
)
def test_a_wrong_option_is_named_before_anything_starts(tmp_path, recording, arguments, named):
    done = tracker(tmp_path, "chaos", recording, "--symbol", "SWINGSUSDT", *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert not (tmp_path / "var").exists()


def test_a_recording_without_the_symbol_is_refused(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text(f"timestamp,price,quantity,symbol\n{START},1,1,AUSDT\n")
    done = tracker(tmp_path, "chaos", path, "--symbol", "BUSDT")
    assert done.returncode == 2
    assert "BUSDT" in done.stderr
