"""Names and parameters from the settings in, strategies out. A strategy's name is its file's name; there is no list."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import shared.strategies
from shared.errors import ConfigurationError
from shared.strategies.strategy import Strategy


def names() -> list[str]:
    """Names of all strategies, sorted: the files of the folder that have ``create``."""
    (home,) = shared.strategies.__path__
    found = sorted(path.stem for path in Path(home).glob("[a-z]*.py"))
    return [name for name in found if hasattr(_module(name), "create")]


def load(name: str) -> Callable[[Mapping[str, Any]], Strategy]:
    """``create`` of the strategy `name`.

    Raises:
        ConfigurationError: No such strategy; the text names the known ones.
    """
    if name not in (known := names()):
        raise ConfigurationError(f"unknown strategy {name!r}; known: {', '.join(known)}")
    create: Callable[[Mapping[str, Any]], Strategy] = _module(name).create
    return create


def makers(
    strategies: Mapping[str, Mapping[str, Any]], symbols: Sequence[str]
) -> dict[tuple[str, str], Callable[[], Strategy]]:
    """What makes each strategy for each symbol.

    Args:
        strategies: Parameters by strategy name. ``symbols`` in them holds parameters by symbol, which go before.
        symbols: Compact pairs to watch.

    Returns:
        By strategy name and symbol, a function that makes the strategy with empty memory.

    Raises:
        ConfigurationError: All that is wrong, each with the strategy's name: unknown strategies and parameters, values
            outside their limits, parameters for a symbol that is not watched.
    """
    made: dict[tuple[str, str], Callable[[], Strategy]] = {}
    faults: dict[str, None] = {}  # a fault that all symbols share is told once
    for name, settings in strategies.items():
        try:
            create = load(name)
        except ConfigurationError as error:
            faults[str(error)] = None
            continue
        general = {key: value for key, value in settings.items() if key != "symbols"}
        # Names from the environment arrive in lower case.
        own: dict[str, Mapping[str, Any]] = {key.upper(): value for key, value in settings.get("symbols", {}).items()}
        for symbol in sorted(set(own) - set(symbols)):
            faults[f"strategy {name}: parameters for {symbol}, not watched; watched: {', '.join(symbols)}"] = None
        for symbol in symbols:
            make = partial(create, general | dict(own.get(symbol, {})))
            try:
                make()
            except ConfigurationError as error:
                faults.update({f"strategy {name}: {line}": None for line in str(error).splitlines()})
            made[name, symbol] = make
    if faults:
        raise ConfigurationError("\n".join(faults))
    return made


def _module(name: str) -> Any:
    return import_module(f"shared.strategies.{name}")
