"""Where machine code is kept: a folder for every state of the sources."""

from types import SimpleNamespace

import pytest

from shared.backtest import compile_cache


@pytest.fixture(autouse=True)
def _fresh():
    compile_cache.folder.cache_clear()
    yield
    compile_cache.folder.cache_clear()


def planted(home):
    for floor in ("domain", "engine"):
        (home / floor).mkdir()
        (home / floor / "x.py").write_text("X = 1\n")
    return home


@pytest.mark.parametrize("change", ["engine/x.py", "domain/x.py", "engine/new.py"])
def test_any_changed_or_new_source_has_a_folder_of_its_own(tmp_path, change):
    before = compile_cache.digest(planted(tmp_path))
    (tmp_path / change).write_text("X = 2\n")
    assert compile_cache.digest(tmp_path) != before


def test_equal_sources_have_the_same_folder(tmp_path):
    planted(tmp_path)
    assert compile_cache.digest(tmp_path) == compile_cache.digest(tmp_path)


def test_the_compiler_is_told_of_the_folder_and_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    numba = SimpleNamespace(config=SimpleNamespace(CACHE_DIR="before"))
    with compile_cache.in_use(numba, wanted=True) as kept:
        assert kept
        assert str(compile_cache.folder()) == numba.config.CACHE_DIR
    assert numba.config.CACHE_DIR == "before"


def test_nothing_is_kept_where_nothing_can_be_written_or_is_wanted(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    numba = SimpleNamespace(config=SimpleNamespace(CACHE_DIR="before"))
    with compile_cache.in_use(numba, wanted=True) as kept:
        assert not kept
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    with compile_cache.in_use(numba, wanted=False) as kept:
        assert not kept
