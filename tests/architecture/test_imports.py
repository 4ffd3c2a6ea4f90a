"""The import graph in, its circles and its broken contracts out (laws 1, 2 and 4)."""

import re
import shutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import services
import shared
from tests.architecture.house import CODE, ROOT, plant


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one import circle; empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_the_packages_under_test_are_those_of_this_checkout():
    homes = {Path(package.__path__[0]).resolve() for package in (shared, services)}
    assert homes == {(ROOT / name).resolve() for name in CODE}


def test_no_module_imports_itself_by_a_detour():
    graph = grimp.build_graph(*CODE, cache_dir=None)
    arrows = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    assert sum(map(len, arrows.values())) > 0
    assert circle(arrows) == []


def test_a_circle_is_found():
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


def broken_contracts(house: Path) -> set[str]:
    """Names of the import contracts that a copy of the house breaks."""
    program = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-B", "-c", program, "--no-cache"],
        cwd=house,
        env={"PYTHONPATH": str(house), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts:" in run.stdout, run.stdout + run.stderr
    return set(re.findall(r"^(.+) BROKEN\b", run.stdout, flags=re.MULTILINE))


@pytest.fixture
def copy(tmp_path):
    for name in CODE:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_contracts_break_on_what_they_forbid(copy):
    plant(
        copy,
        {
            "shared/domain/impatient.py": "import time\n",
            "shared/drawer/__init__.py": "",
            "shared/engine/curious.py": "import shared.messages.codec\n",
            "shared/adapters/clock/nosy.py": "import shared.adapters.loader\nimport shared.adapters.bus.neighbour\n",
            "shared/adapters/bus/neighbour.py": "",
            "services/ingestor/friendly.py": "import services.aggregator\nimport shared.adapters.clock.system\n",
            "shared/runtime/upstart.py": "import services.wiring\n",
        },
    )
    assert broken_contracts(copy) == {
        "Imports in shared point down; every folder has a floor",
        "Services do not know each other; only the wiring, the command line and the door know them",
        "Services stand on shared, never the other way round",
        "Adapters of a kind do not know each other; they share only the wire formats",
        "Kinds of adapters do not know each other; what they share knows none of them",
        "Services reach the world through ports, never through a named adapter",
        "The core has no clock, no I/O, no randomness and no third party",
    }
