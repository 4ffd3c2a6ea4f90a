"""``docs/known-faults.md`` in; rows that are missing, and tests it names that do not exist, out."""

import re

import pytest

from tests.architecture.house import ROOT, parse

PAGE = (ROOT / "docs" / "known-faults.md").read_text(encoding="utf-8")
NOT_BUILT = "part not built"
FAULTS = 23


def rows(page):
    """Cells of the table's rows, without its head."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]
    return lines[2:]


def named_tests(text):
    """Every ``path::name`` in backticks, as (path, name)."""
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)


def missing(tests, root=ROOT):
    """Those of `tests` that are no test function at the top of their file."""
    paths = {path for path, _ in tests}
    existing = {
        path: {getattr(node, "name", "") for node in parse(path, root).body}
        for path in paths
        if (root / path).is_file()
    }
    return [f"{path}::{name}" for path, name in tests if name not in existing.get(path, ()) or name[:5] != "test_"]


def test_every_fault_has_its_row():
    assert [cells[0] for cells in rows(PAGE)] == [str(number) for number in range(1, FAULTS + 1)]


@pytest.mark.parametrize("cells", rows(PAGE), ids=lambda cells: cells[0])
def test_a_row_names_a_test_or_the_part_that_is_not_built(cells):
    _, fault, possible, prevention, catches = cells
    assert all((fault, possible, prevention))
    assert bool(named_tests(catches)) != (possible == catches == NOT_BUILT)
    assert catches == NOT_BUILT or not re.sub(r"`tests/[\w/]+\.py::\w+`|<br>|\s", "", catches), "only tests stand there"


def test_every_test_that_is_named_exists():
    assert missing(named_tests(PAGE)) == []


def test_a_test_that_does_not_exist_is_found():
    here = "tests/architecture/test_known_faults_page.py"
    page = f"| 1 | `{here}::test_every_fault_has_its_row` `{here}::test_gone` `{here}::rows` `tests/gone.py::test_x` |"
    assert missing(named_tests(page)) == [f"{here}::test_gone", f"{here}::rows", "tests/gone.py::test_x"]
