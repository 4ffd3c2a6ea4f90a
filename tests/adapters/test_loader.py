"""The loader: names are files, and what is missing is named with its cure."""

import sys

import pytest

from shared.adapters import loader
from shared.errors import ConfigurationError


def test_the_names_of_a_kind_are_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "_HOME", tmp_path)
    kind = tmp_path / "bus"
    kind.mkdir()
    for name in ("__init__.py", "zeta.py", "alpha.py", "_private.py", "notes.md"):
        (kind / name).touch()
    assert loader.names("bus") == ["alpha", "zeta"]


def test_the_clocks_are_listed():
    assert loader.names("clock") == ["manual", "scaled", "system"]


def test_a_kind_that_does_not_exist_has_no_adapters():
    assert loader.names("teapots") == []


def test_an_adapter_is_loaded_by_its_name():
    module = loader.load("clock", "manual")
    assert module.create(module.Options(start=5)).now() == 5


@pytest.mark.parametrize("name", ["quartz", "", "../clock/system", "System"])
def test_an_unknown_adapter_is_refused_with_the_known_ones(name):
    with pytest.raises(ConfigurationError) as refusal:
        loader.load("clock", name)
    assert str(refusal.value) == f"unknown clock adapter {name!r}; known: manual, scaled, system"


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    # None makes Python say that the package is not there, whatever is installed.
    monkeypatch.setitem(sys.modules, "pydantic", None)
    monkeypatch.delitem(sys.modules, "shared.adapters.clock.system", raising=False)
    with pytest.raises(ConfigurationError) as refusal:
        loader.load("clock", "system")
    assert str(refusal.value) == (
        "clock adapter 'system' needs the package 'pydantic'; run: pip install 'crypto-signal-tracker[system]'"
    )


def test_a_missing_module_of_our_own_is_a_bug_and_stays_one(monkeypatch):
    def broken(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name="shared.lost")

    monkeypatch.setattr(loader, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="shared"):
        loader.load("clock", "system")
