"""docs/configuration.md names every setting with its default, and nothing that does not exist."""

import json
import re
from enum import Enum

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from shared.adapters import loader
from shared.runtime.settings import CHOSEN_BY, Settings, section_name
from tests.architecture.house import ROOT

PAGE = ROOT / "docs" / "configuration.md"
ROW = re.compile(r"^\| `(?P<key>\w+)` \| (?P<default>.+?) \| (?P<meaning>.+) \|$")


def as_written(default):
    """A default as the page shows it: as in a settings file."""
    if default is PydanticUndefined:
        return "must be set"
    if default is None:
        return "not set"
    if isinstance(default, Enum):
        default = default.value
    if isinstance(default, BaseModel):
        default = default.model_dump()
    return f"`{json.dumps(default, default=str)}`"


def is_section(field):
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def models():
    """Every section by name; the keys outside of sections under an empty one."""
    found = {"": {name: field for name, field in Settings.model_fields.items() if not is_section(field)}}
    found |= {name: f.annotation.model_fields for name, f in Settings.model_fields.items() if is_section(f)}
    for kind in CHOSEN_BY:
        for name in loader.names(kind):
            found[section_name(kind, name)] = loader.load(kind, name).Options.model_fields
    return found


def default_of(section, key, field):
    if key == "path" and section not in Settings.model_fields:  # as `Settings.options` fills it in
        return as_written(f"{Settings.model_fields['data_dir'].default}/{section}.sqlite")
    return as_written(field.get_default(call_default_factory=True))


def existing():
    return {
        (section, key, default_of(section, key, field))
        for section, fields in models().items()
        for key, field in fields.items()
    }


def described():
    section, rows = "", set()
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            name = re.search(r"`\[(\w+)\]`", line)
            section = name.group(1) if name else ""
        elif row := ROW.match(line):
            assert len(row["meaning"]) > 10, line
            rows.add((section, row["key"], row["default"]))
    return rows


def test_every_setting_stands_on_the_page_with_its_default():
    assert sorted(existing() - described()) == []


def test_nothing_stands_on_the_page_that_does_not_exist():
    assert sorted(described() - existing()) == []
