"""Every module in, those without a test module at the mirrored path out (law 10)."""

import ast
from pathlib import Path

from tests.architecture.house import CODE, ROOT, modules, parse, plant

# Modules without a test module of their own, and why that is right. An entry that is no longer needed fails.
EXCEPTIONS = {
    "shared/ports.py": "Protocols and the values in their signatures; the contract suites test what stands behind them",
    "shared/adapters/wire/sqlite_candles.py": "the contract suites run over it through the SQLite adapters",
    "shared/adapters/wire/sqlite_documents.py": "the contract suites run over it through the SQLite adapters",
    "shared/adapters/wire/sqlite_ledger.py": "the contract suites run over it through the SQLite adapters",
    "shared/adapters/wire/sqlite_outbox.py": "the contract suites run over it through the SQLite adapters",
    "shared/adapters/wire/sqlite_queue.py": "the contract suites run over it through the SQLite adapters",
    "shared/domain/book.py": "fields only",
    "shared/domain/chart.py": "fields only",
    "shared/domain/exit_rules.py": "fields only",
    "shared/domain/feed.py": "fields only",
    "shared/domain/trade.py": "fields only",
    "shared/runtime/metrics.py": "names and meanings of metrics only; the code that counts is tested where it counts",
    "shared/runtime/sections.py": "fields and bounds only; tests/runtime/test_settings.py reads them",
    "services/cli/candles.py": "tests/flows/test_unplugged.py asks a real store by it",
    "services/cli/chaos.py": "tests/chaos/test_chaos.py runs it with right and wrong options",
    "services/cli/config.py": "tests/services/cli/test_main.py runs both of its commands",
    "services/cli/demo.py": "tests/flows/test_demo.py runs it as a process",
    "services/cli/emulators.py": "tests/flows/test_emulators.py runs it",
    "services/cli/parts/channel_page.py": "tests/flows/test_demo.py presses buttons by it, tests/chaos counts by it",
    "services/cli/parts/chaos_settings.py": "tests/chaos/test_chaos.py runs services with them",
    "services/cli/parts/chaos_stage.py": "tests/chaos/test_chaos.py runs it",
    "services/cli/parts/golden.py": "tests/chaos/test_chaos.py compares real processes with it",
    "services/cli/parts/playback.py": "tests/flows/test_replay.py plays recordings, calm, disturbed and wrong",
    "services/cli/parts/reader.py": "tests/flows/test_demo.py counts the charts its presses bring",
    "services/cli/parts/recovery.py": "tests/chaos/test_chaos.py: each kill must be made good",
    "services/cli/replay.py": "tests/flows/test_replay.py runs it with right and wrong options",
    "services/cli/run.py": "tests/flows/test_unplugged.py runs it as a process, twice",
    "services/cli/parts/stage.py": "tests/flows/test_demo.py compares what it counts with what the market holds",
    "services/cli/parts/tally.py": "tests/flows/test_demo.py compares what it counts with what the market holds",
    "shared/runtime/service.py": "a Protocol and the value it answers with",
}


def mirrored(module: Path) -> Path:
    """Where the tests of a module stand: ``shared/engine/x.py`` has ``tests/engine/test_x.py``."""
    parts = module.parts[1:-1] if module.parts[0] == "shared" else module.parts[:-1]
    return Path("tests", *parts, f"test_{module.stem.strip('_')}.py")


def covered_by_contract(module: Path, root: Path = ROOT) -> bool:
    """Whether a contract suite runs over the adapter: it names the module, or the whole listing of its kind."""
    if module.parts[:2] != ("shared", "adapters") or len(module.parts) != len(("shared", "adapters", "kind", "x.py")):
        return False
    kind, name = module.parts[2], module.stem
    return any(_names(parse(suite, root), kind, name) for suite in modules("tests/adapters/contract", root=root))


def _names(suite: ast.Module, kind: str, name: str) -> bool:
    home = f"shared.adapters.{kind}"
    for node in ast.walk(suite):
        if isinstance(node, ast.ImportFrom):
            imported = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
            if f"{home}.{name}" in imported:
                return True
        elif isinstance(node, ast.Import) and f"{home}.{name}" in {alias.name for alias in node.names}:
            return True
        elif isinstance(node, ast.Call):  # names("exchanges"), load("exchanges", "bybit")
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if (function, texts) in (("names", [kind]), ("load", [kind, name])):
                return True
    return False


def without_tests(root: Path = ROOT) -> list[str]:
    """Modules that have neither a mirrored test module nor a contract suite."""
    return [
        str(module)
        for module in modules(*CODE, root=root)
        if not (root / mirrored(module)).is_file() and not covered_by_contract(module, root)
    ]


def test_every_module_has_its_tests_where_one_looks_for_them():
    missing = [module for module in without_tests() if module not in EXCEPTIONS]
    assert missing == [], "write these tests or, with a reason, name the module in EXCEPTIONS"


def test_every_exception_is_still_needed():
    assert sorted(set(EXCEPTIONS) - set(without_tests())) == []


def test_a_module_without_tests_is_found(tmp_path):
    house = plant(
        tmp_path,
        {
            "shared/engine/__init__.py": "",
            "shared/engine/tested.py": "X = 1\n",
            "shared/engine/untested.py": "X = 1\n",
            "shared/adapters/bus/listed.py": "X = 1\n",
            "shared/adapters/bus/named.py": "X = 1\n",
            "shared/adapters/stores/unnamed.py": "X = 1\n",
            "shared/adapters/charts/loaded.py": "X = 1\n",
            "services/ingestor/service.py": "X = 1\n",
            "services/__main__.py": "X = 1\n",
            "tests/engine/test_tested.py": "X = 1\n",
            "tests/services/test_main.py": "X = 1\n",
            "tests/adapters/contract/test_bus.py": "from shared.adapters.bus import named\n",
            "tests/adapters/contract/test_charts.py": "load('charts', 'loaded')\n",
        },
    )
    assert without_tests(house) == [
        "services/ingestor/service.py",
        "shared/adapters/bus/listed.py",
        "shared/adapters/stores/unnamed.py",
        "shared/engine/untested.py",
    ]
    plant(house, {"tests/adapters/contract/test_listing.py": "loader.names('bus')\n"})
    assert "shared/adapters/bus/listed.py" not in without_tests(house)
