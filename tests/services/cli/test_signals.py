"""What the command lists: lines for people, and those of shadows only when asked for."""

import asyncio
import json

import pytest

from services.cli.main import main
from shared.adapters.clock.system import SystemClock
from shared.adapters.stores import sqlite
from shared.domain.book import Book, BookKey
from tests.makers import EXCHANGE, MINUTE, START, make_signal

SHADOW = "rsi_divergence@tight"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A store with three lines for people, and twenty of a shadow behind each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKER__STORE", "sqlite")
    (tmp_path / "var").mkdir()

    async def fill():
        store = sqlite.create(sqlite.Options(path=tmp_path / "var" / "sqlite_store.sqlite"), SystemClock())
        for strategy, numbers in (("rsi_divergence", (0, 21, 42)), (SHADOW, [n for n in range(63) if n % 21])):
            lines = tuple(make_signal(open_time=START + n * MINUTE, strategy=strategy) for n in numbers)
            await store.commit([Book(BookKey(strategy, EXCHANGE, "BTCUSDT"), unpublished=lines)])
        await store.close()

    asyncio.run(fill())


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("limit", "minutes"), [(1, [42]), (2, [21, 42]), (3, [0, 21, 42]), (50, [0, 21, 42])])
def test_shadows_are_left_out_and_take_no_place(capsys, limit, minutes):
    assert main(["signals", "-n", str(limit), "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["signals"]
    assert [(line["open_time"] - START) // MINUTE for line in lines] == minutes
    assert {line["strategy"] for line in lines} == {"rsi_divergence"}


@pytest.mark.usefixtures("home")
def test_with_shadows_every_line_is_listed(capsys):
    assert main(["signals", "-n", "5", "--shadows", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["signals"]
    assert [line["strategy"] for line in lines] == [SHADOW] * 5
    assert main(["signals", "--symbol", "ethusdt"]) == 0
    assert capsys.readouterr().out == "no signals yet\n"
