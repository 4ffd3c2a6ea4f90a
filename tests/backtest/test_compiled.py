"""Machine code says what its source says, also when it is kept on disk and the source changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.backtest.compiled import available, compiled, interpreted
from shared.engine import exit_steps, statistics
from shared.engine.exit_steps import opened, total_pct

needs_numba = pytest.mark.skipif(not available(), reason="numba is not installed: pip install .[backtest]")


def ask() -> int:
    return decide()  # noqa: F821 - bound when it is compiled


def test_a_name_stands_for_what_is_bound_to_it():
    assert interpreted(ask, decide=lambda: 7)() == 7


def test_nothing_is_bound_in_the_function_itself():
    interpreted(ask, decide=lambda: 7)
    with pytest.raises(NameError):
        ask()


@needs_numba
def test_a_function_and_what_it_calls_are_compiled_and_say_the_same():
    position = opened(-1, 100.0, 98.0, 101.0)
    assert compiled(total_pct)(position, 99.0, 1) == total_pct(position, 99.0, 1)
    assert compiled(total_pct) is compiled(total_pct)


@needs_numba
def test_a_function_of_somebody_else_is_left_alone():
    assert compiled(len) is len
    assert compiled(statistics.net_pct)(1.5, 0.0006, 0.0002) == statistics.net_pct(1.5, 0.0006, 0.0002)


@needs_numba
@pytest.mark.timeout(300)
def test_machine_code_is_kept_until_something_it_calls_changes(tmp_path):
    shared = tmp_path / "shared"
    shutil.copytree(Path(exit_steps.__file__).parents[1], shared, ignore=shutil.ignore_patterns("adapters", "*.pyc"))
    assert [_asked(tmp_path) for _ in range(2)] == [(1, 0), (1, 1)], "compiled, then found on disk"
    callee = shared / "indicators" / "volume_spike.py"
    callee.write_text(
        callee.read_text() + "\n\ndef largest_spike(quantities, first, last, period, factor):\n    return -1\n"
    )
    assert _asked(tmp_path) == (0, 0), "what it calls, in another file, has changed: no spike, no entry"


def _asked(home: Path) -> tuple[int, int]:
    """What a strategy decides in a process of its own, and how much machine code it found on disk."""
    code = (
        "import numpy as np; from shared.backtest.compiled import compiled;"
        "from shared.strategies import rsi_threshold as t; from shared.strategies.rsi_window import Series;"
        "f = compiled(t.decide); a = np.array([1.0, 1.0, 9.0]);"
        "print(f(t.Rules(25.0, 75.0, 2, 1.5), Series(a, a, a, np.array([50.0, 30.0, 20.0])), 2).direction,"
        "sum(f.stats.cache_hits.values()))"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(home / "kept"), "PYTHONPATH": str(home)}
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True, check=True
    )
    direction, hits = map(int, run.stdout.split())
    return direction, hits
