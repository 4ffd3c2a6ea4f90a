"""The code in, every place that reads a clock out (law 6: time is an argument)."""

import ast
from pathlib import Path

import pytest

from tests.architecture.house import CODE, modules, parse

CLOCKS = Path("shared/adapters/clock")
READS = {
    *(f"time.{name}" for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime")),
    *(f"time.{name}_ns" for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
}


def clock_reads(tree: ast.Module) -> list[str]:
    """Uses of a clock, as ``line: what``; a clock that is handed on without a call counts too."""
    aliases = _aliases(tree)
    faults = []
    for node in ast.walk(tree):
        name = _dotted(node, aliases)
        if name in READS:
            faults.append(f"{node.lineno}: {name}")
        elif _is_loop_time(node, aliases):
            faults.append(f"{node.lineno}: .time()")
    return faults


def _is_loop_time(node: ast.AST, aliases: dict[str, str]) -> bool:
    """Whether this calls ``<anything>.time()``: the event loop's clock, whatever the loop is called."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.args or node.keywords:
        return False
    return node.func.attr == "time" and _dotted(node.func, aliases) not in READS


def _aliases(tree: ast.Module) -> dict[str, str]:
    """What the names bound by imports stand for: ``{"now": "time.monotonic"}``."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def _dotted(node: ast.AST, aliases: dict[str, str]) -> str:
    """Full name of ``a.b.c`` with `aliases` resolved; empty for anything else."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        home = _dotted(node.value, aliases)
        return f"{home}.{node.attr}" if home else ""
    return ""


@pytest.mark.parametrize("path", [path for path in modules(*CODE) if CLOCKS not in path.parents], ids=str)
def test_only_the_clock_adapters_read_a_clock(path):
    assert clock_reads(parse(path)) == []


def test_the_clock_adapters_do_read_one():
    assert [path.name for path in modules(str(CLOCKS)) if clock_reads(parse(path))] == ["scaled.py", "system.py"]


@pytest.mark.parametrize(
    ("snippet", "fault"),
    [
        ("import time\nnow = time.time()", "2: time.time"),
        ("import time as t\nnow = t.monotonic_ns()", "2: time.monotonic_ns"),
        ("from time import perf_counter as now\nstart = now()", "2: time.perf_counter"),
        ("import time\nfield(default_factory=time.time)", "2: time.time"),
        ("import datetime as dt\ndt.datetime.now(dt.UTC)", "2: datetime.datetime.now"),
        ("from datetime import datetime\ndatetime.utcnow()", "2: datetime.datetime.utcnow"),
        ("from datetime import date\ndate.today()", "2: datetime.date.today"),
        ("loop.time()", "1: .time()"),
        ("asyncio.get_running_loop().time()", "1: .time()"),
    ],
)
def test_a_clock_read_is_found(snippet, fault):
    assert clock_reads(ast.parse(snippet)) == [fault]


@pytest.mark.parametrize(
    "snippet", ["signal.time", "clock.now()", "from datetime import datetime\ndatetime.fromtimestamp(0)", "time = 1"]
)
def test_a_time_that_is_handed_in_is_no_clock_read(snippet):
    assert clock_reads(ast.parse(snippet)) == []
