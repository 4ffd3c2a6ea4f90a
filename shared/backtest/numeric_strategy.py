"""A strategy's name and parameters in, the plain numbers and functions the kernel works with out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from shared.backtest import kernel
from shared.errors import InvalidInput
from shared.strategies.rsi_window import warm_up_candles
from shared.strategies.strategy import read_parameters


@dataclass(frozen=True)
class NumericStrategy:
    """One strategy with one set of parameters.

    Attributes:
        name: The strategy's.
        parameters: As read, for reports.
        rules: Everything that can be set, as plain numbers.
        decide: See the strategy.
        mark: See the strategy.
        reach: Candles that `decide` looks back, the newest included.
    """

    name: str
    parameters: Any
    rules: kernel.Rules
    decide: Callable[..., Any]
    mark: Callable[..., None]
    reach: int


def numeric(name: str, values: Mapping[str, Any]) -> NumericStrategy:
    """The numeric side of the strategy `name` with these parameters over its defaults.

    Raises:
        ConfigurationError: A parameter is unknown or wrong; the text names it and the cure.
        InvalidInput: The strategy has no numeric side.
    """
    module: Any = import_module(f"shared.strategies.{name}")
    if not hasattr(module, "decide"):
        raise InvalidInput(f"strategy {name!r} cannot be backtested: it has no `decide`")
    p = read_parameters(module.Parameters, values)
    reach = module.reach_of(p)
    rules = kernel.Rules(
        strategy=module.rules_of(p),
        rsi_period=p.rsi_period,
        atr_period=p.atr_period if p.needs_atr else 0,
        warm_up=warm_up_candles(p.rsi_period, reach),
        distances=p.distances,
        exits=p.exits,
        protections=p.protections,
    )
    return NumericStrategy(name, p, rules, module.decide, module.mark, reach)
