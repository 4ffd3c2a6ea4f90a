"""The core's files in, everything impure in them out (law 3)."""

import ast

import pytest

from tests.architecture.house import CORE, modules, parse

# What the core may import besides itself: the parts of the standard library that only compute.
ALLOWED = {
    "abc", "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "hashlib", "heapq", "itertools", "json", "math", "operator", "re", "shared", "statistics", "string", "types",
    "typing", "zlib",
}  # fmt: skip
# `hash` differs between two runs of Python, so nothing that is decided or stored may depend on it.
FORBIDDEN_CALLS = {"breakpoint", "eval", "exec", "hash", "input", "open", "print", "__import__"}


def impurities(tree: ast.Module) -> list[str]:
    """Imports and calls that the core may not have, as ``line: what``."""
    faults = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            faults.append(f"{node.lineno}: calls {node.func.id}")
        faults += [f"{node.lineno}: imports {name}" for name in names if name.split(".")[0] not in ALLOWED]
    return faults


@pytest.mark.parametrize("path", modules(*CORE), ids=str)
def test_the_core_only_computes(path):
    assert impurities(parse(path)) == []


@pytest.mark.parametrize(
    ("snippet", "fault"),
    [
        ("import time", "1: imports time"),
        ("from os import environ", "1: imports os"),
        ("import math, numpy.linalg", "1: imports numpy.linalg"),
        ("def f():\n    import random", "2: imports random"),
        ("from . import candle", "1: imports ."),
        ("seed = hash('BTCUSDT')", "1: calls hash"),
        ("open('candles.csv')", "1: calls open"),
    ],
)
def test_an_impurity_is_found(snippet, fault):
    assert impurities(ast.parse(snippet)) == [fault]
