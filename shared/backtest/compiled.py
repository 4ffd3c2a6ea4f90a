"""A plain function of the core in, the same function as machine code out, with everything it calls.

The core knows no compiler. Here its functions are taken as they stand: a copy of each is made whose names lead to
compiled copies of what it calls, and numba compiles that. So there is one source, and what it says is what runs.
Without numba the function itself is used: the same results, at the speed of Python. Machine code is kept between
processes (see `shared.backtest.compile_cache`).
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, TypeVar, cast

from shared.backtest import compile_cache

F = TypeVar("F", bound=Callable[..., Any])
Bound = tuple[tuple[str, Callable[..., Any]], ...]

_OURS = "shared."


@cache
def _numba() -> ModuleType | None:
    try:
        import numba  # noqa: PLC0415 - an extra; and its import takes a third of a second
    except ImportError:
        return None
    return numba


def available() -> bool:
    """Whether numba is installed."""
    return _numba() is not None


def compiled(function: F, **bound: Callable[..., Any]) -> F:
    """`function` as machine code, or in Python where there is no numba. Compiled at its first call.

    Args:
        function: Of the core, or of the backtest.
        bound: What names of its module stand for in this copy: how a loop is given the strategy that decides in it.
    """
    if _numba() is None or not isinstance(function, FunctionType):
        return interpreted(function, **bound)
    return cast(F, _compiled(function, tuple(sorted(bound.items()))))


def interpreted(function: F, **bound: Callable[..., Any]) -> F:
    """The same without a compiler."""
    if not bound or not isinstance(function, FunctionType):
        return function
    return cast(F, _copy(function, bound))


@cache
def _compiled(function: FunctionType, bound: Bound = ()) -> Any:
    given = dict(bound)
    names = {name: _for_compiler(given.get(name, function.__globals__.get(name))) for name in _globals_of(function)}
    copy = _copy(function, names | {name: _for_compiler(value) for name, value in bound})
    # A copy of its own is kept on disk under a name of its own.
    tags = [f"{value.__module__}.{value.__name__}".replace(".", "_") for _, value in bound]
    copy.__qualname__ = "__".join([function.__qualname__, *tags])
    numba = _numba()
    assert numba is not None  # noqa: S101 - `compiled` has asked
    ours = all(part.__module__.startswith(_OURS) for part in (function, *given.values()))
    with compile_cache.in_use(numba, wanted=ours) as kept:
        return numba.njit(copy, nogil=True, error_model="numpy", cache=kept)


def _copy(function: FunctionType, names: Mapping[str, Any]) -> FunctionType:
    copy = FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    return copy


def _globals_of(function: FunctionType) -> list[str]:
    return [name for name in function.__code__.co_names if name in function.__globals__]


def _for_compiler(value: Any) -> Any:
    """What a name of the core leads to: our functions compiled, or itself."""
    if isinstance(value, FunctionType) and value.__module__.startswith(_OURS):
        return _compiled(value)
    return value
