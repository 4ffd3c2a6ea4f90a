"""Finds an adapter by the name it has in the settings: the name is the file's name, there is no list to edit."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from shared.errors import ConfigurationError

_HOME = Path(__file__).parent


def names(kind: str) -> list[str]:
    """Names of all adapters of a kind (``bus``, ``stores``, ``exchanges`` ...), sorted."""
    return sorted(path.stem for path in (_HOME / kind).glob("[a-z]*.py"))


def load(kind: str, name: str) -> ModuleType:
    """Module of one adapter. It has ``Options`` (a pydantic model: its section of the settings) and ``create``.

    Raises:
        ConfigurationError: No such adapter, or the library it needs is not installed; the text names the cure.
    """
    if name not in names(kind):
        raise ConfigurationError(f"unknown {kind} adapter {name!r}; known: {', '.join(names(kind))}")
    try:
        return import_module(f"shared.adapters.{kind}.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("shared"):
            raise
        raise ConfigurationError(
            f"{kind} adapter {name!r} needs the package {error.name!r}; "
            f"run: pip install 'crypto-signal-tracker[{name}]'"
        ) from None
