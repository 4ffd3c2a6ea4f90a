"""The command over a real store: sound, and with a fault planted in it."""

import asyncio
import json
import sqlite3
from dataclasses import replace

import pytest

from services.cli.main import main
from shared.adapters.clock.system import SystemClock
from shared.adapters.stores import sqlite
from shared.domain.book import Book, BookKey
from shared.domain.outbox_entry import OutboxEntry, OutboxState
from tests.engine.test_ledger_audit import CHAT, chained, story


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with settings for a SQLite store in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKER__STORE", "sqlite")
    monkeypatch.setenv("TRACKER__TELEGRAM_NOTIFIER__CHATS", CHAT)
    (tmp_path / "var").mkdir()
    return tmp_path


async def fill(home, **changes):
    """One finished signal, told unless `changes` say otherwise."""
    store = sqlite.create(sqlite.Options(path=home / "var" / "sqlite_store.sqlite"), SystemClock())
    lines, book = chained(story())
    await store.commit([replace(book, unpublished=tuple(lines))])
    told = OutboxEntry(CHAT, lines[0].signal_id, state=OutboxState.SENT, message_id=5, delivered_revision=1)
    await store.save(replace(told, **changes))
    await store.close()


def test_a_sound_ledger_is_said_to_be_so(home, capsys):
    asyncio.run(fill(home))
    assert main(["ledger", "verify", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["sound"], printed["signals"], printed["told"]) == (True, 1, 1)
    (head,) = printed["heads"].values()
    assert main(["ledger", "verify", "--noted", head]) == 0
    assert main(["ledger", "verify", "--noted", "0" * 64]) == 1
    assert (printed["chained"], printed["forged"], list(printed["heads"])) == (2, [], ["s/bybit-linear/BTCUSDT"])


def test_a_lost_signal_gives_exit_code_1_and_its_name(home, capsys):
    asyncio.run(fill(home, state=OutboxState.DEAD, last_error="the bot was removed"))
    assert main(["ledger", "verify"]) == 1
    printed = capsys.readouterr().out
    assert "NOT SOUND" in printed
    assert "the bot was removed" in printed


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            """UPDATE signals SET body = replace(body, '"price":100.0', '"price":99.5') WHERE revision = 0""",
            "LONG revision 0",
        ),
        (
            """UPDATE signals SET body = replace(body, '"previous":"', '"previous":"0') WHERE revision = 1""",
            "LONG revision 1",
        ),
        ("DELETE FROM signals WHERE revision = 0", "LONG revision 1: the line before it was changed or removed"),
        ("DELETE FROM signals WHERE revision = 1", "book s/bybit-linear/BTCUSDT: its last line"),
    ],
)
def test_a_line_that_somebody_edited_gives_exit_code_1_and_its_name(home, capsys, statement, words):
    asyncio.run(fill(home))
    with sqlite3.connect(home / "var" / "sqlite_store.sqlite") as connection:
        connection.execute(statement.replace("replace(body,", "replace(CAST(body AS TEXT),"))
        assert connection.execute("SELECT changes()").fetchone() == (1,)
    connection.close()
    assert main(["ledger", "verify"]) == 1
    printed = capsys.readouterr().out
    assert "hash chain BROKEN" in printed
    assert words in printed


def test_a_log_that_was_emptied_is_told_by_the_books_of_the_settings(home, capsys):
    async def fill_and_forget():
        store = sqlite.create(sqlite.Options(path=home / "var" / "sqlite_store.sqlite"), SystemClock())
        await store.commit([Book(BookKey("rsi_divergence", "bybit-linear", "BTCUSDT"), head="ab" * 32)])
        await store.close()

    asyncio.run(fill_and_forget())
    assert main(["ledger", "verify"]) == 1
    assert "book rsi_divergence/bybit-linear/BTCUSDT: its last line, abababababab" in capsys.readouterr().out
