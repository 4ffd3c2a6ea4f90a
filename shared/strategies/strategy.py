"""What every strategy is: candles in, at most one entry per candle out; and how its parameters are read.

A strategy is one file in this folder. It has ``create(parameters) -> Strategy``, and its file name is its name in the
settings.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol, TypeVar

from shared.domain.candle import Candle
from shared.domain.exit_rules import ExitRules, ProtectionRules
from shared.domain.signal import Side
from shared.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Entry:
    """A strategy's wish to open a position at the close of the candle just seen.

    Attributes:
        side: Direction.
        price: Entry price: the close of the signal candle.
        take_profit: Price level.
        stop_loss: Price level.
        decision: Every number that was used, as plain JSON values (see docs/signals.md for the keys).
    """

    side: Side
    price: float
    take_profit: float
    stop_loss: float
    decision: dict[str, Any]


class Strategy(Protocol):
    """Sees closed, complete, contiguous candles of one instrument, oldest first, each once.

    What it says at candle n depends on the candles up to n and on nothing else: no clock, no position, no randomness.
    """

    @property
    def name(self) -> str:
        """The file's name."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes with the name, the parameters and the shape of the snapshot: one of another kind is not used."""
        ...

    @property
    def warm_up(self) -> int:
        """Candles that must have been seen before an entry is allowed."""
        ...

    @property
    def exits(self) -> ExitRules:
        """How its positions are led."""
        ...

    @property
    def protections(self) -> ProtectionRules:
        """When it may enter again."""
        ...

    @property
    def seen(self) -> int:
        """Candles seen so far."""
        ...

    def on_candle(self, candle: Candle) -> Entry | None:
        """Take the next candle; the entry it gives, if any."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """The whole memory as plain JSON values; floats keep every bit."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a memory that `snapshot` gave."""
        ...


P = TypeVar("P")


def read_parameters(kind: type[P], values: Mapping[str, Any]) -> P:
    """A strategy's ``Parameters`` (a dataclass of int and float fields with defaults) from settings.

    Raises:
        ConfigurationError: Unknown names or wrong types, all at once; or whatever the dataclass itself refuses.
    """
    known = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    faults = []
    read: dict[str, int | float] = {}
    for name, given in values.items():
        wanted, value = known.get(name), _number_in(given)
        if wanted is None:
            faults.append(f"unknown parameter {name!r}; known: {', '.join(sorted(known))}")
        elif isinstance(value, bool) or not isinstance(value, int if wanted is int else int | float):
            faults.append(
                f"{name} = {value!r} is no number that fits; give {'a whole number' if wanted is int else 'a number'}"
            )
        else:
            read[name] = value if wanted is int else float(value)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return kind(**read)


def _number_in(value: Any) -> Any:
    """The number that a text holds (environment variables are texts), or the value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return float(value) if "." in value else int(value)
    except ValueError:
        return value


def check_limits(parameters: Any, limits: Mapping[str, tuple[float, float]]) -> None:
    """Refuse parameters outside their limits (least and most allowed value), all faults at once.

    Raises:
        ConfigurationError: The text names each value and what is allowed.
    """
    faults = [
        f"{name} = {getattr(parameters, name)}: give {least:g} to {most:g}"
        for name, (least, most) in limits.items()
        if not least <= getattr(parameters, name) <= most
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))


def make_fingerprint(name: str, shape: int, parameters: Any) -> str:
    """Short, stable name of a strategy, the shape (version) of its snapshot and its parameters (a dataclass)."""
    text = json.dumps([name, shape, asdict(parameters)], sort_keys=True)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
