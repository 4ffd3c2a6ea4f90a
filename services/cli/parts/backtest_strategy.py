"""What a user says of a strategy in, the strategy out: for the backtest, or the live one with the same parameters."""

import difflib
import pkgutil
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any

from shared import strategies
from shared.backtest.numeric_strategy import NumericStrategy, numeric
from shared.errors import InvalidInput
from shared.strategies.strategy import Strategy


def names() -> list[str]:
    """Strategies that can be backtested: those with a `decide` of their own."""
    found = sorted(module.name for module in pkgutil.iter_modules(strategies.__path__))
    return [name for name in found if hasattr(_module(name), "decide") and hasattr(_module(name), "create")]


def parse_settings(texts: Sequence[str], option: str = "--set") -> dict[str, str]:
    """``name=value`` texts by name.

    Raises:
        InvalidInput: A text of another shape, or a name that stands twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise InvalidInput(f"{option} {text!r}: write name=value, such as oversold=25")
        if name in found:
            raise InvalidInput(f"{option} {name} stands twice: give one value")
        found[name] = value
    return found


def make_numeric(name: str, values: dict[str, Any]) -> NumericStrategy:
    """The strategy for the backtest.

    Raises:
        InvalidInput: There is none of this name.
        ConfigurationError: A parameter is unknown or wrong.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        cure = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names())}"
        raise InvalidInput(f"no strategy {name!r} can be backtested; {cure}")
    return numeric(name, values)


def make_live(strategy: NumericStrategy) -> Strategy:
    """The live machine of the same name and parameters, without a memory."""
    live: Strategy = _module(strategy.name).create(asdict(strategy.parameters))
    return live


def _module(name: str) -> Any:
    return import_module(f"shared.strategies.{name}")
