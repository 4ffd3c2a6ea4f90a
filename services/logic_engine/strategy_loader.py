"""Names and parameters from the settings in, strategies out. A strategy's name is its file's name; there is no list."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import shared.strategies
from shared.domain.shadow import shadow_name, strategy_of
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
        strategies: Parameters by name of strategy or shadow. ``symbols`` in them holds parameters by symbol, which go
            before.
        symbols: Compact pairs to watch.

    Returns:
        By name and symbol, a function that makes the strategy with empty memory.

    Raises:
        ConfigurationError: All that is wrong, each with the strategy's name: unknown strategies and parameters, values
            outside their limits, parameters for a symbol that is not watched.
    """
    made: dict[tuple[str, str], Callable[[], Strategy]] = {}
    faults: dict[str, None] = {}  # a fault that all symbols share is told once
    for name, settings in strategies.items():
        try:
            create = load(strategy_of(name))
        except ConfigurationError as error:
            faults[str(error)] = None
            continue
        general = {key: value for key, value in settings.items() if key != "symbols"}
        own = _by_symbol(settings)
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


def shadow_sections(
    strategies: Mapping[str, Mapping[str, Any]], shadows: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Parameters of every shadow by its whole name: those of its strategy, with the shadow's own over them.

    Args:
        strategies: Parameters by strategy name, as set.
        shadows: By name ``strategy`` and what differs from it; ``symbols`` as in a strategy.

    Raises:
        ConfigurationError: Shadows that name no strategy, all of them.
    """
    nameless = [name for name, section in shadows.items() if not section.get("strategy")]
    if nameless:
        raise ConfigurationError(
            "\n".join(f"shadows.{name}.strategy is not set; known: {', '.join(names())}" for name in nameless)
        )
    return {
        shadow_name(section["strategy"], name): _over(strategies.get(str(section["strategy"]), {}), section)
        for name, section in shadows.items()
    }


def _over(base: Mapping[str, Any], shadow: Mapping[str, Any]) -> dict[str, Any]:
    """What the shadow sets goes before what the strategy sets, for a single symbol too."""
    general = {name: value for name, value in shadow.items() if name not in ("strategy", "symbols")}
    below, above = _by_symbol(base), _by_symbol(shadow)
    own = {symbol: {**below.get(symbol, {}), **general, **above.get(symbol, {})} for symbol in below | above}
    return {**base, **general, "symbols": own}


def _by_symbol(section: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Parameters by symbol; names from the environment arrive in lower case."""
    return {symbol.upper(): values for symbol, values in section.get("symbols", {}).items()}


def _module(name: str) -> Any:
    return import_module(f"shared.strategies.{name}")
