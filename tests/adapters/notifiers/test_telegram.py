import asyncio
import logging
from contextlib import aclosing

import pytest
from pydantic import ValidationError

from shared.adapters.clock.manual import ManualClock
from shared.adapters.notifiers import telegram
from shared.errors import ConfigurationError, Refused, Unavailable, Uncertain
from shared.ports import Button
from tests.adapters.notifiers.bot_api import TOKEN, bot_api, error

CHAT = "-100"
BUTTONS = (Button("📊 Chart", "c|s|BTCUSDT|1|L"),)


@pytest.fixture
async def api():
    async with bot_api() as server:
        yield server


@pytest.fixture
async def clock():
    return ManualClock()


@pytest.fixture
async def notifier(api, clock):
    made = telegram.create(telegram.Options(token=TOKEN, base_url=api.url, read_timeout=0.3, poll_timeout=0), clock)
    yield made
    await made.close()


async def test_texts_travel_as_forms_and_pictures_as_multipart_with_their_buttons_and_reply(api, notifier):
    message_id = await notifier.send(CHAT, "<b>a</b>", BUTTONS)
    photo_id = await notifier.send_photo(CHAT, b"\x89PNG", "c", message_id)
    assert api.encodings == {"application/x-www-form-urlencoded", "multipart/form-data"}
    assert api.calls[0][1]["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == BUTTONS[0].data
    assert api.calls[1][1]["photo"] == b"\x89PNG"
    assert api.messages[photo_id]["reply_to"] == message_id


async def test_an_edit_always_brings_its_buttons(api, notifier):
    message_id = await notifier.send(CHAT, "a", BUTTONS)
    await notifier.edit(CHAT, message_id, "b", BUTTONS)
    assert api.calls[-1][1]["reply_markup"]["inline_keyboard"]


@pytest.mark.parametrize(
    ("answer", "kind", "detail"),
    [
        ((429, "Too Many Requests: retry after 33", {"retry_after": 33}), Unavailable, 33_000),
        ((403, "Forbidden: bot is not a member of the channel chat", {}), Refused, "forbidden"),
        ((400, "Bad Request: chat not found", {}), Refused, "forbidden"),
        ((400, "Bad Request: not enough rights to send text messages to the chat", {}), Refused, "forbidden"),
        ((400, "Bad Request: message can't be edited", {}), Refused, "not_editable"),
        ((400, "Bad Request: there is no text in the message to edit", {}), Refused, "not_editable"),
        ((400, "Bad Request: can't parse entities: Unsupported start tag", {}), Refused, "bad_markup"),
        ((400, "Bad Request: message is too long", {}), Refused, "bad_request"),
        ((400, "Bad Request: group chat was upgraded", {"migrate_to_chat_id": -1009}), Refused, "migrated"),
        ((409, "Conflict: terminated by other getUpdates request", {}), Refused, "bad_request"),
        ((413, "Request Entity Too Large", {}), Refused, "bad_request"),
        ((500, "Internal Server Error", {}), Uncertain, None),
        ((502, "Bad Gateway", {}), Uncertain, None),
        ((401, "Unauthorized", {}), ConfigurationError, None),
        ((404, "Not Found", {}), ConfigurationError, None),
    ],
)
async def test_each_answer_becomes_the_error_that_says_who_must_act(api, notifier, answer, kind, detail):
    status, description, parameters = answer
    api.faults.append(lambda: error(status, description, **parameters))
    with pytest.raises(kind) as caught:
        await notifier.edit(CHAT, 1, "a", BUTTONS)
    assert getattr(caught.value, "retry_after", getattr(caught.value, "reason", None)) == detail
    assert TOKEN not in str(caught.value)
    assert len(api.calls) == 1, "no request is repeated here"


async def test_the_new_id_of_a_chat_that_moved_is_named(api, notifier):
    api.faults.append(lambda: error(400, "Bad Request: upgraded", migrate_to_chat_id=-1009))
    with pytest.raises(Refused, match="-1009"):
        await notifier.send(CHAT, "a", ())


async def test_a_wrong_token_names_the_setting_and_not_the_value(api, clock):
    wrong = telegram.create(telegram.Options(token="2:wrong", base_url=api.url), clock)
    with pytest.raises(ConfigurationError, match=r"telegram\.token") as caught:
        await wrong.send(CHAT, "a", ())
    assert "2:wrong" not in str(caught.value)
    await wrong.close()


async def test_an_address_where_nobody_listens_is_away_and_nothing_was_written(clock, unused_tcp_port):
    dead = telegram.create(telegram.Options(token=TOKEN, base_url=f"http://127.0.0.1:{unused_tcp_port}/bot"), clock)
    with pytest.raises(Unavailable):
        await dead.send(CHAT, "a", ())
    await dead.close()


async def test_a_connection_lost_after_the_request_was_written_is_uncertain(api, notifier):
    api.lost = 1
    with pytest.raises(Uncertain):
        await notifier.send(CHAT, "a", ())
    assert len(api.messages) == 1


async def test_no_answer_in_time_is_uncertain(clock):
    gone = asyncio.Event()

    async def swallow(reader, writer):
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/bot"
    slow = telegram.create(telegram.Options(token=TOKEN, base_url=url, read_timeout=0.05), clock)
    with pytest.raises(Uncertain):
        await slow.send(CHAT, "a", ())
    await slow.close()
    await gone.wait()
    server.close()
    await server.wait_closed()


async def test_presses_come_once_each_in_order(api, notifier):
    for number in range(3):
        api.press(7, f"data{number}")
    async with aclosing(notifier.presses()) as presses:
        seen = [await anext(presses) for _ in range(2)]
        api.press(8, "data3")
        seen += [await anext(presses) for _ in range(2)]
    assert [press.data for press in seen] == ["data0", "data1", "data2", "data3"]
    assert (seen[0].chat, seen[0].message_id, seen[0].press_id) == (CHAT, 7, "q0")
    assert api.calls[0][1]["allowed_updates"] == '["callback_query"]'
    assert api.calls[-1][1]["offset"] == "4"


async def test_presses_survive_outages_with_growing_pauses_and_one_line_for_a_second_poller(
    api, notifier, clock, caplog
):
    conflict = "Conflict: terminated by other getUpdates request"
    api.faults.extend([lambda: error(409, conflict)] * 3 + [lambda: error(502, "Bad Gateway")])
    api.faults.append(lambda: error(429, "Too Many Requests", retry_after=90))
    api.press(7, "data")
    waiting = asyncio.create_task(anext(notifier.presses()))
    with caplog.at_level(logging.WARNING):
        while not waiting.done():
            if clock._sleepers:
                clock.advance_to(clock._sleepers[0][0])
            await asyncio.sleep(0)
    assert (await waiting).data == "data"
    assert len([line for line in caplog.messages if "another process polls" in line]) == 1
    assert clock.now() == 3 * 5_000 + 8_000 + 90_000


async def test_presses_with_a_wrong_token_end_with_the_cure(api, clock):
    wrong = telegram.create(telegram.Options(token="2:wrong", base_url=api.url), clock)
    with pytest.raises(ConfigurationError, match=r"telegram\.token"):
        await anext(wrong.presses())
    await wrong.close()


async def test_an_answer_that_comes_too_late_is_no_error(notifier):
    await notifier.answer("old", "x" * 500)


@pytest.mark.parametrize("wrong", [{"token": ""}, {"token": TOKEN, "base_url": "ftp://x"}, {"token": TOKEN, "x": 1}])
def test_wrong_options_are_refused_without_showing_the_token(wrong):
    with pytest.raises(ValidationError) as caught:
        telegram.Options(**wrong)
    assert TOKEN not in str(caught.value)
