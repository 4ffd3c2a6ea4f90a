"""Environment variables in, nested settings and the secrets among them out; secrets come from files or Secret Manager.

``TRACKER__`` and the path with double underscores name a setting. A variable that ends in ``_FILE`` holds the path of
the file, one that ends in ``_SECRET`` the name of the secret in which the value is
(``TRACKER__TELEGRAM__TOKEN_FILE=/run/secrets/token``); both win over the variable that holds the value itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.adapters import loader
from shared.errors import ConfigurationError, Unavailable

PREFIX = "TRACKER__"
PROJECT = "GOOGLE_CLOUD_PROJECT"
EMULATOR = "SECRET_MANAGER_EMULATOR_HOST"

SettingPath = tuple[str, ...]
"""Where a setting is: the names of its sections and its key."""


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """What the environment sets. `values` is nested like a settings file; `sealed` repeats what is secret in it."""

    values: dict[str, Any]
    sealed: dict[SettingPath, str]


def read_environment(environment: Mapping[str, str]) -> FromEnvironment:
    """Sort the variables and fetch what they point at. Secret Manager is loaded only where a variable asks for it.

    Raises:
        ConfigurationError: Every fault, one a line, each naming the variable; never a value.
        Unavailable: Secret Manager does not answer.
    """
    named: dict[str, dict[SettingPath, str]] = {"_file": {}, "_secret": {}, "": {}}
    for variable in environment:
        if variable.startswith(PREFIX):
            setting = variable.removeprefix(PREFIX).lower()
            suffix = next(suffix for suffix in named if setting.endswith(suffix))
            named[suffix][tuple(setting.removesuffix(suffix).split("__"))] = variable
    files, secrets, plain = named.values()
    faults = [f"{files[path]} and {secrets[path]} are both set; unset one" for path in sorted(files.keys() & secrets)]
    sealed = _fetch(files, environment, _file, faults)
    if secrets:
        sealed |= _from_secret_manager(secrets, environment, faults)
    if faults:
        raise ConfigurationError("\n".join(faults))
    values = {path: environment[variable] for path, variable in plain.items()} | sealed
    return FromEnvironment(_nested(values, plain | files | secrets), sealed)


def _fetch(
    variables: Mapping[SettingPath, str],
    environment: Mapping[str, str],
    read: Callable[[str], str],
    faults: list[str],
) -> dict[SettingPath, str]:
    """What `read` finds behind each variable; what is wrong is added to `faults`."""
    found = {}
    for path, variable in variables.items():
        try:
            found[path] = read(environment[variable])
        except ConfigurationError as error:
            faults.append(f"{variable}: {error}")
        except Unavailable as error:
            raise Unavailable(f"{variable}: {error}", error.retry_after) from error
    return found


def _file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:  # which holds the secret, and so is not passed on
        raise ConfigurationError(f"cannot read {path}: it is not UTF-8 text") from None


def _from_secret_manager(
    variables: Mapping[SettingPath, str], environment: Mapping[str, str], faults: list[str]
) -> dict[SettingPath, str]:
    try:
        google = loader.load("secrets", "google")
        source = google.create(
            google.Options(project=environment.get(PROJECT, ""), emulator_host=environment.get(EMULATOR, ""))
        )
    except ConfigurationError as error:
        faults.append(f"{', '.join(sorted(variables.values()))}: {error}")
        return {}
    with source:
        return _fetch(variables, environment, source.read, faults)


def _nested(values: Mapping[SettingPath, str], variables: Mapping[SettingPath, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in sorted(values):  # a section's own value, which it must not have, comes before what is in the section
        *sections, key = path
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
            if not isinstance(branch, dict):
                raise ConfigurationError(
                    f"{variables[path]}: {section!r} is a value elsewhere in the environment, not a section"
                )
        branch[key] = values[path]
    return tree
