from dataclasses import replace

import pytest

from services.telegram_notifier.letters import Letters
from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores import memory
from shared.domain.book import Book, BookKey
from shared.domain.notice import Notice, NoticeKind, stale_id
from shared.domain.outbox_entry import OutboxEntry, OutboxState, line_of
from shared.domain.signal import SignalKind
from shared.engine.outbox_queue import UNKNOWN
from tests.makers import EXCHANGE, START, SYMBOL, make_signal

ENTRY, EXIT = make_signal(decision={"why": "RSI 22.1"}), make_signal(SignalKind.EXIT)
NOTICE = Notice(stale_id(EXCHANGE, START), 0, NoticeKind.STALE, EXCHANGE, (SYMBOL,), START, START)


@pytest.fixture
async def letters():
    store = memory.create(memory.Options(), ManualClock(START))
    key = BookKey(ENTRY.strategy, ENTRY.exchange, ENTRY.symbol)
    await store.commit([Book(key, unpublished=(ENTRY, EXIT))])
    return Letters(store)


def waiting(value, **fields):
    line = line_of(value)
    return OutboxEntry("-100", line.subject, queue=(line,), **fields)


async def test_an_exit_takes_the_reason_for_the_trade_from_the_ledger(letters):
    origin = await letters.origin(waiting(EXIT))
    assert origin == ENTRY
    assert "RSI 22.1" in letters.write(waiting(EXIT), origin).text


async def test_a_signal_has_a_chart_button_and_a_notice_has_none(letters):
    assert [button.text for button in letters.write(waiting(ENTRY), ENTRY).buttons] == ["📊 Chart"]
    notice = waiting(NOTICE)
    assert await letters.origin(notice) is None
    assert letters.write(notice, None).buttons == ()


@pytest.mark.parametrize("value", [ENTRY, NOTICE])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"late": 192_000}, "late by 3m12s"),
        ({"digest": UNKNOWN, "state": OutboxState.SENDING}, "possible repeat"),
    ],
)
def test_what_is_stored_is_said(letters, value, fields, said):
    origin = value if value is ENTRY else None
    plain, other = (letters.write(waiting(value, **more), origin) for more in ({}, fields))
    assert said in other.text
    assert said not in plain.text
    assert plain.digest != other.digest


def test_what_no_text_is_made_of_changes_no_letter(letters):
    entry = waiting(ENTRY)
    for fields in ({"version": 9}, {"attempts": 3}, {"next_attempt": START}, {"last_error": "away"}):
        assert letters.write(replace(entry, **fields), ENTRY) == letters.write(entry, ENTRY)
