"""Settings in (file < environment < secrets), one frozen value out; every fault is named at once.

A settings file is TOML. Every key can be overridden by an environment variable: ``TRACKER__`` and the path with double
underscores, ``TRACKER__LOGIC_ENGINE__INTERVAL=5000``; lists are comma-separated. A secret may lie in a file or in
Secret Manager (see `shared.runtime.environment`). Every adapter has a section (see `section_name`), which is read by
the adapter's own ``Options`` when the adapter is in use.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, create_model, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from shared.adapters import loader
from shared.errors import ConfigurationError
from shared.runtime.environment import PREFIX, SettingPath, read_environment
from shared.runtime.sections import (
    AggregatorSection,
    BackfillerSection,
    IngestorSection,
    LogicEngineSection,
    LogSection,
    MacroEngineSection,
    MacroGateSection,
    Names,
    PageSection,
    PaperSection,
    SandboxSection,
    TelegramNotifierSection,
)

DEFAULT_FILE = Path("tracker.toml")
DEFAULT_SYMBOLS = (
    "BTCUSDT", "SOLUSDT", "ETHUSDT", "XRPUSDT", "DOGEUSDT", "SEIUSDT", "LINKUSDT", "SUIUSDT", "ADAUSDT",
)  # fmt: skip

# Which setting chooses the adapter of each kind. (`exchange` names venue and product: "bybit-linear".)
CHOSEN_BY = {
    "exchanges": "exchange",
    "bus": "bus",
    "stores": "store",
    "notifiers": "notifier",
    "charts": "charts",
    "clock": "clock",
}
_SUFFIX = {"bus": "_bus", "stores": "_store"}
_PASSWORD_IN_URL = re.compile(r"(://[^/@\s:]*:)([^/@\s]+)(@)")
_SECRET_WORDS = ("token", "secret", "password", "webhook", "key")


def section_name(kind: str, name: str) -> str:
    """Section of an adapter: its name; ``_bus`` or ``_store`` is added for these kinds, which share technologies."""
    return name + _SUFFIX.get(kind, "")


class Settings(BaseSettings):
    """Everything that can be set, except the adapters' own sections, which `load` adds by the folder listing.

    Attributes:
        symbols: Compact pairs to watch.
        data_dir: Folder of what is kept on this machine.
        exchange: Venue and product; the part before the hyphen names the adapter.
        macro_exchange: Venue and product whose candles the macro bias is made on; empty for our own candles alone.
        bus: Adapter that carries messages.
        store: Adapter that keeps candles, books and signals.
        outbox: Adapter that keeps the outbox; empty for the store itself.
        notifier: Adapter that reaches people.
        charts: Adapter that draws.
        clock: Adapter that knows the time.
        strategies: Parameters by strategy; ``symbols`` in them holds parameters by symbol.
        shadows: Parameter sets that run beside the strategies and are never told, by name: ``strategy``, and what
            differs from that strategy's parameters.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    symbols: Names = Field(default=DEFAULT_SYMBOLS, min_length=1)
    data_dir: Path = Path("var")
    exchange: str = Field(default="bybit-linear", pattern="^[a-z0-9_]+(-[a-z]+)?$")
    macro_exchange: str = Field(default="kraken-spot", pattern="^([a-z0-9_]+(-[a-z]+)?)?$")
    bus: str = "sqlite"
    store: str = "sqlite"
    outbox: str = ""
    notifier: str = "telegram"
    charts: str = "mplfinance"
    clock: str = "system"
    strategies: dict[str, dict[str, Any]] = {}
    shadows: dict[Annotated[str, Field(pattern="^[a-z0-9_]+$")], dict[str, Any]] = {}

    ingestor: IngestorSection = IngestorSection()
    aggregator: AggregatorSection = AggregatorSection()
    backfiller: BackfillerSection = BackfillerSection()
    logic_engine: LogicEngineSection = LogicEngineSection()
    macro_engine: MacroEngineSection = MacroEngineSection()
    macro_gate: MacroGateSection = MacroGateSection()
    paper: PaperSection = PaperSection()
    telegram_notifier: TelegramNotifierSection = TelegramNotifierSection()
    sandbox: SandboxSection = SandboxSection()
    page: PageSection = PageSection()
    log: LogSection = LogSection()

    # What came from a file or from Secret Manager is secret whatever its key is called.
    _sealed: dict[SettingPath, str] = PrivateAttr(default_factory=dict)

    @field_validator("symbols")
    @classmethod
    def _upper(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        upper = tuple(symbol.upper() for symbol in symbols)
        doubled = sorted({symbol for symbol in upper if upper.count(symbol) > 1})
        if doubled:
            raise ValueError(f"named twice: {', '.join(doubled)}")
        return upper

    def secrets(self) -> list[str]:
        """Every secret value among the settings, for the redaction of logs."""
        leaves = list(_leaves(self.model_dump(mode="json"), ()))
        found = [value for path, value in leaves if value and self._is_secret(path)]
        found += [match[2] for _, value in leaves for match in _PASSWORD_IN_URL.finditer(value)]
        return [*found, *(value for value in self._sealed.values() if value and value not in found)]

    def redacted(self) -> dict[str, Any]:
        """All settings as plain values, secrets as ``***``."""

        def hide(value: Any, path: SettingPath) -> Any:
            if isinstance(value, dict):
                return {key: hide(inner, (*path, key)) for key, inner in value.items()}
            if value and self._is_secret(path):
                return "***"
            return _PASSWORD_IN_URL.sub(r"\1***\3", value) if isinstance(value, str) else value

        shown: dict[str, Any] = hide(self.model_dump(mode="json"), ())
        return shown

    def _is_secret(self, path: SettingPath) -> bool:
        return path in self._sealed or _sounds_secret(path[-1])

    def adapter(self, kind: str) -> str:
        """Name of the chosen adapter of a kind."""
        chosen: str = getattr(self, CHOSEN_BY[kind])
        return chosen.partition("-")[0]

    def section(self, kind: str, name: str) -> dict[str, Any]:
        """What is set for one adapter, unread; empty when nothing is."""
        found: dict[str, Any] = getattr(self, section_name(kind, name), {})
        return found

    def options(self, kind: str, name: str | None = None) -> Any:
        """The validated ``Options`` of an adapter of a kind: of the chosen one, unless another is named, as settings
        name it (``kraken-spot``: adapter and product).

        Raises:
            ConfigurationError: Unknown adapter, missing package, or wrong values; all of them, one a line.
        """
        name, _, category = (name or getattr(self, CHOSEN_BY[kind])).partition("-")
        kind_of_options: type[BaseModel] = loader.load(kind, name).Options
        section = dict(self.section(kind, name))
        if category:
            section.setdefault("category", category)
        if "path" in kind_of_options.model_fields:
            section.setdefault("path", str(self.data_dir / f"{section_name(kind, name)}.sqlite"))
        try:
            return kind_of_options(**section)
        except ValidationError as error:
            faults = _faults(error, section_name(kind, name), kind_of_options, self._sealed)
            raise ConfigurationError("\n".join(faults)) from None


def load(
    file: Path | None,
    environment: Mapping[str, str],
    overrides: Mapping[str, Any] | None = None,
    default_file: Path | None = DEFAULT_FILE,
) -> Settings:
    """Read and check the settings.

    Args:
        file: A TOML file that must exist; None reads `default_file`.
        environment: Usually ``os.environ``.
        overrides: Values that win over both, as a command's options do: nested like the file.
        default_file: Read when it is there, which is in the current folder as a rule; None for no file at all.

    Raises:
        ConfigurationError: Every fault, one a line, each naming the setting, the value and the cure.
        Unavailable: A secret is in Secret Manager, which does not answer.
    """
    if file is not None and not file.is_file():
        raise ConfigurationError(f"settings file not found: {file}")
    path = file or default_file
    from_environment = read_environment(environment)

    class Layered(_with_adapter_sections()):  # type: ignore[misc]
        _sealed: dict[SettingPath, str] = PrivateAttr(default=from_environment.sealed)

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], **_: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (
                InitSettingsSource(settings_cls, dict(overrides or {})),
                InitSettingsSource(settings_cls, from_environment.values),
                TomlConfigSettingsSource(settings_cls, path),
            )

    try:
        settings: Settings = Layered()
    except ValidationError as error:
        raise ConfigurationError("\n".join(_faults(error, "", Layered, from_environment.sealed))) from None
    except ValueError as error:  # TOML syntax
        raise ConfigurationError(f"{path}: {error}") from None
    return settings


def _with_adapter_sections() -> type[Settings]:
    """Settings with one free-form section for every adapter that exists; which keys it may have, its Options say."""
    sections = {section_name(kind, name) for kind in CHOSEN_BY for name in loader.names(kind)}
    fields: dict[str, Any] = {name: (dict[str, Any], Field(default_factory=dict)) for name in sorted(sections)}
    return create_model("Settings", __base__=Settings, **fields)


def _leaves(value: Any, path: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    elif isinstance(value, str):
        yield path, value


def _sounds_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def _faults(error: ValidationError, section: str, model: type[BaseModel], sealed: Collection[SettingPath]) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False):
        path = [section] * bool(section) + [str(part) for part in fault["loc"]]
        name = ".".join(path)
        if fault["type"] == "extra_forbidden":
            lines.append(f"unknown setting {name!r}{_near(str(fault['loc'][-1]), model, fault['loc'][:-1])}")
        elif fault["type"] == "missing":
            variable = PREFIX + "__".join(path).upper()
            lines.append(f"{name} is not set; set it in {DEFAULT_FILE} or as {variable}")
        elif any(inner[: len(path)] == tuple(path[: len(inner)]) for inner in sealed):
            # The input is, holds or is a part of a secret; and our own validators may quote it in their texts.
            text = "wrong value" if fault["type"] == "value_error" else fault["msg"]
            lines.append(f"{name}: {text}, not ***")
        else:
            lines.append(f"{name}: {fault['msg']}, not {'***' if _sounds_secret(name) else repr(fault['input'])}")
    return lines


def _near(key: str, model: type[BaseModel], path: tuple[int | str, ...]) -> str:
    fields: Mapping[str, FieldInfo] = model.model_fields
    for part in path:
        inner = fields[str(part)].annotation if str(part) in fields else None
        fields = inner.model_fields if isinstance(inner, type) and issubclass(inner, BaseModel) else {}
    close = difflib.get_close_matches(key, fields, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(fields))}" if fields else ""
