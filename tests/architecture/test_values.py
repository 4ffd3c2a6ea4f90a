"""The classes of the domain in, those that can change after their making out (law 7: values are frozen)."""

import dataclasses
import inspect
from enum import Enum, StrEnum
from importlib import import_module
from typing import NamedTuple

import pytest

from tests.architecture.house import modules


def is_frozen(kind: type) -> bool:
    """Whether instances never change: a frozen dataclass, an enumeration or a named tuple."""
    if dataclasses.is_dataclass(kind):
        return kind.__dataclass_params__.frozen
    return issubclass(kind, Enum) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def classes(module: str) -> list[type]:
    """Classes that a module defines itself."""
    found = inspect.getmembers(import_module(module), inspect.isclass)
    return [kind for _, kind in found if kind.__module__ == module]


DOMAIN = [kind for path in modules("shared/domain") for kind in classes(".".join(path.with_suffix("").parts))]


@pytest.mark.parametrize("kind", DOMAIN, ids=lambda kind: kind.__name__)
def test_every_class_of_the_domain_is_a_frozen_value(kind):
    assert is_frozen(kind)


@dataclasses.dataclass
class Mutable:
    price: float


@dataclasses.dataclass(frozen=True)
class Frozen:
    price: float


class Plain:
    price = 1.0


class Pair(NamedTuple):
    price: float


class Kind(StrEnum):
    ENTRY = "entry"


def test_what_can_change_is_found():
    assert [is_frozen(kind) for kind in (Mutable, Plain, dict, tuple)] == [False] * 4
    assert [is_frozen(kind) for kind in (Frozen, Pair, Kind)] == [True] * 3
