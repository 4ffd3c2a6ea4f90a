import json

import pytest

from shared.domain.notice import Notice, NoticeKind, stale_id
from shared.domain.outbox_entry import Line, LineKind, OutboxEntry, OutboxState, line_of
from shared.domain.signal import SignalKind
from shared.errors import InvalidMessage
from shared.messages.codec import from_json, to_json
from tests.makers import EXCHANGE, START, SYMBOL, make_signal

NOTICE = Notice(stale_id(EXCHANGE, START), 0, NoticeKind.STALE, EXCHANGE, (SYMBOL,), START + 1, START)


@pytest.mark.parametrize("kind", SignalKind)
def test_a_line_has_what_its_signal_has(kind):
    signal = make_signal(kind)
    line = line_of(signal)
    assert (line.kind.value, line.revision, line.time, line.subject) == (
        signal.kind.value, signal.revision, signal.time, signal.signal_id,
    )  # fmt: skip


def test_a_notice_is_a_line_of_its_own_kind():
    line = line_of(NOTICE)
    assert (line.kind, line.revision, line.time, line.subject) == (LineKind.NOTICE, 0, START + 1, NOTICE.notice_id)


@pytest.mark.parametrize("fields", [{}, {"signal": make_signal(), "notice": NOTICE}])
def test_a_line_carries_one_thing(fields):
    with pytest.raises(ValueError, match="one signal or one notice"):
        Line(LineKind.ENTRY, 0, START, **fields)


def test_an_entry_survives_the_way_through_a_store():
    entry = OutboxEntry("@news", NOTICE.notice_id, queue=(line_of(NOTICE), line_of(make_signal())), after_message_id=7)
    assert from_json(to_json(entry), OutboxEntry) == entry


def test_an_entry_of_an_earlier_version_is_read_when_nothing_waits_and_refused_by_name_otherwise():
    written = {"chat": "@news", "signal_id": "a", "state": "sent", "version": 2, "message_id": 7, "queue": []}
    assert from_json(json.dumps(written), OutboxEntry) == OutboxEntry("@news", "a", OutboxState.SENT, 2, 7)
    written["queue"] = [json.loads(to_json(make_signal()))]
    with pytest.raises(InvalidMessage, match=r"earlier version .* empty outbox"):
        from_json(json.dumps(written), OutboxEntry)
