"""The name of a strategy in, whether it is a shadow out: one that runs and is recorded like any other, and never told.

A shadow is a parameter set of its own over a strategy: ``rsi_divergence@tight``. The mark in the name goes with every
book and every line, so nothing has to be looked up to tell them apart.
"""

from collections.abc import Iterable

from shared.domain.signal import Signal

_MARK = "@"


def shadow_name(strategy: str, name: str) -> str:
    """Name of the shadow `name` over `strategy`, as books and signals carry it."""
    return f"{strategy}{_MARK}{name}"


def is_shadow(strategy: str) -> bool:
    """Whether this is the name of a shadow."""
    return _MARK in strategy


def strategy_of(name: str) -> str:
    """The strategy that decides: the part of a shadow's name before the mark, any other name itself."""
    return name.partition(_MARK)[0]


def told(lines: Iterable[Signal]) -> list[Signal]:
    """The lines that are for people, in their order: those of no shadow."""
    return [line for line in lines if not is_shadow(line.strategy)]
