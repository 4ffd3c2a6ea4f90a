"""Files in, those that are too long, too deep in one function or named after nothing out (law 11)."""

import ast
from pathlib import Path

import pytest

from tests.architecture.house import CODE, modules, parse, plant

ALL = (*CODE, "tests", "benchmarks")
FILE_LINES = 400
FUNCTION_LINES = 40
NO_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}

# Functions that are longer, as ``file::function``, and why they read better in one piece. A stale entry fails.
LONG_FUNCTIONS: dict[str, str] = {}


def has_reason(tree: ast.Module) -> bool:
    """Whether the file says at its top why it is long: a line ``Long because: ...`` of its docstring."""
    docstring = (ast.get_docstring(tree) or "").splitlines()
    return any(len(line) > len("Long because: ") and line.startswith("Long because: ") for line in docstring)


def too_long(text: str) -> bool:
    """Whether a file is longer than allowed and gives no reason."""
    return len(text.splitlines()) > FILE_LINES and not has_reason(ast.parse(text))


def long_functions(tree: ast.Module) -> list[str]:
    """Names of the functions whose code, signature included and docstring not, has too many lines."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if lines > FUNCTION_LINES:
                found.append(node.name)
    return found


def named_after_nothing(path: Path) -> bool:
    """Whether a word of the file's or a folder's name says nothing about what is in it."""
    return bool(NO_NAMES & {word for part in path.with_suffix("").parts for word in part.lower().split("_")})


@pytest.mark.parametrize("path", modules(*ALL), ids=str)
def test_a_file_is_short_or_says_why_not(path):
    assert not too_long(path.read_text(encoding="utf-8"))


def test_functions_are_short():
    found = {f"{path}::{name}" for path in modules(*CODE) for name in long_functions(parse(path))}
    assert sorted(found - set(LONG_FUNCTIONS)) == []
    assert sorted(set(LONG_FUNCTIONS) - found) == [], "no longer long: remove the entry"


def test_names_say_what_is_inside():
    assert [str(path) for path in modules(*ALL) if named_after_nothing(path)] == []


def test_a_long_file_is_found():
    body = "X = 1\n" * FILE_LINES
    assert too_long('"""Values."""\n' + body)
    assert too_long('"""Values.\n\nLong because: \n"""\n' + body)
    assert not too_long('"""Values.\n\nLong because: it is one table.\n"""\n' + body)
    assert not too_long(body)


def test_a_long_function_is_found():
    body = "    pass\n" * (FUNCTION_LINES - 1)
    assert long_functions(ast.parse("def short():\n" + body)) == []
    assert long_functions(ast.parse('def short():\n    """One.\n\n    Two."""\n' + body)) == []
    assert long_functions(ast.parse("async def long():\n    pass\n" + body)) == ["long"]


def test_an_empty_name_is_found(tmp_path):
    names = ("shared/utils/x.py", "shared/engine/bus_manager.py", "shared/base.py", "shared/engine/database.py")
    house = plant(tmp_path, dict.fromkeys(names, "X = 1\n"))
    found = [str(path) for path in modules("shared", root=house) if named_after_nothing(path)]
    assert found == ["shared/base.py", "shared/engine/bus_manager.py", "shared/utils/x.py"]
