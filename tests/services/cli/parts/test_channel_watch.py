"""What the channel ever showed is counted as it was shown, not as it stands at the end."""

import pytest

from services.cli.parts.channel_watch import ChannelWatch
from services.cli.parts.verdict import Shown
from shared.domain.signal import Side
from shared.engine import chart_button
from tests.makers import START, make_signal

SIGNAL = make_signal()
DATA = chart_button.data_for(SIGNAL.strategy, SIGNAL.symbol, START, Side.LONG)
ENTRY = "LONG BTC/USDT\n\nEntry: 100"
EXIT = "Take profit\nLONG BTC/USDT\n\nEntry: 100\nExit: 101.5"
MARK = "\n\npossible repeat"


def message(message_id, text, data=DATA, key="text"):
    buttons = [[{"text": "Chart", "callback_data": data}]] if data else []
    return {"message_id": message_id, key: text, "reply_markup": {"inline_keyboard": buttons}}


@pytest.fixture
async def watch():
    async with ChannelWatch("http://127.0.0.1:1/") as watch:  # nobody listens there
        yield watch


async def test_a_message_that_is_edited_is_one_message_that_shows_its_exit(watch):
    await watch.take(message(1, ENTRY))
    assert watch.shown([]) == {SIGNAL.signal_id: Shown(1, 0, ended=False)}
    await watch.take(message(1, EXIT))
    assert watch.shown([]) == {SIGNAL.signal_id: Shown(1, 0, ended=True)}


async def test_a_mark_counts_even_when_a_later_edit_takes_it_away(watch):
    for text in (message(1, ENTRY), message(2, ENTRY + MARK), message(2, EXIT)):
        await watch.take(text)
    assert watch.shown([]) == {SIGNAL.signal_id: Shown(2, 1, ended=True)}


async def test_pictures_and_messages_without_a_chart_button_are_left_out(watch):
    await watch.take(message(1, ENTRY, key="caption"))
    await watch.take(message(2, "data is stale", data=None))
    assert watch.shown([]) == {}


async def test_a_button_that_carries_a_digest_is_known_among_the_signals(watch):
    long = make_signal(strategy="s" * 60)
    data = chart_button.data_for(long.strategy, long.symbol, START, Side.LONG)
    await watch.take(message(1, ENTRY, data=data))
    assert set(watch.shown([SIGNAL.signal_id, long.signal_id])) == {long.signal_id}
    assert set(watch.shown([])) == {data}


async def test_a_deleted_message_is_shown_no_more(watch):
    await watch.take(message(1, ENTRY))
    await watch.take({"message_id": 1, "deleted": True})
    assert watch.shown([]) == {}
