"""The adapter against each fault that the sandbox's Telegram can show."""

import asyncio
from contextlib import aclosing

import pytest

from shared.adapters.notifiers import telegram
from shared.errors import ConfigurationError, Refused, Unavailable, Uncertain
from shared.ports import Button
from tests.services.sandbox.running_sandbox import CHAT, TOKEN, running

OPERATIONS = "@sandbox_operations"
BUTTONS = (Button("Chart", "c|s|BTCUSDT|1|L"),)


@pytest.fixture
async def sandbox():
    async with running() as made:
        yield made


@pytest.fixture
async def notifier(sandbox):
    made = adapter(sandbox)
    yield made
    await made.close()


def adapter(sandbox, **options):
    settings = {
        "token": TOKEN,
        "base_url": sandbox.at.telegram_base_url,
        "read_timeout": 0.3,
        "poll_timeout": 0,
        "operations_chat": OPERATIONS,
    }
    return telegram.create(telegram.Options(**settings | options), sandbox.clock)


def methods(sandbox):
    return sandbox.get("/sandbox/calls")


async def standing(sandbox):
    report = await sandbox.get("/sandbox/channel.json")
    return [message["text"] for message in report["messages"] if not message["deleted"]]


async def test_a_flood_wait_of_one_chat_says_how_long_and_leaves_the_other_chat_alone(sandbox, notifier):
    await sandbox.fault(telegram_rate={"value": 33, "chat": CHAT})
    for call in (notifier.send(CHAT, "a", ()), notifier.edit(CHAT, 1, "a", ())):
        with pytest.raises(Unavailable) as caught:
            await call
        assert caught.value.retry_after == 33_000
    assert await notifier.send(OPERATIONS, "a", ()) == 1
    assert await standing(sandbox) == []


async def test_beyond_the_limit_of_a_chat_the_wait_is_what_is_left_of_the_minute(sandbox, notifier):
    await sandbox.fault(telegram_limit=2)
    await notifier.send(CHAT, "a", ())
    sandbox.clock.advance_to(sandbox.clock.now() + 20_000)
    await notifier.edit(CHAT, 1, "b", ())
    with pytest.raises(Unavailable) as caught:
        await notifier.send(CHAT, "c", ())
    assert caught.value.retry_after == 40_000
    sandbox.clock.advance_to(sandbox.clock.now() + caught.value.retry_after)
    await notifier.send(CHAT, "c", ())
    assert await standing(sandbox) == ["b", "c"]


@pytest.mark.parametrize("status", [500, 502])
async def test_a_server_error_leaves_open_whether_it_was_sent_and_is_not_repeated_here(sandbox, notifier, status):
    await sandbox.fault(telegram_error=status)
    with pytest.raises(Uncertain):
        await notifier.send(CHAT, "a", ())
    assert (await methods(sandbox))["methods"]["sendMessage"]["calls"] == 1


async def test_markup_that_is_refused_is_called_so_and_plain_text_passes(sandbox, notifier):
    await sandbox.fault(telegram_markup=True)
    with pytest.raises(Refused) as caught:
        await notifier.send(CHAT, "<b>a</b>", ())
    assert caught.value.reason == "bad_markup"
    assert await notifier.send(CHAT, "a", ()) == 1


async def test_no_answer_to_a_message_that_was_sent_is_uncertain(sandbox, notifier):
    await sandbox.fault(telegram_timeout_share=100)
    with pytest.raises(Uncertain):
        await notifier.send(CHAT, "a", ())
    assert await standing(sandbox) == ["a"]


async def test_a_connection_that_ends_after_the_message_was_sent_is_uncertain(sandbox, notifier):
    await sandbox.fault(telegram_swallow=True)
    with pytest.raises(Uncertain):
        await notifier.send(CHAT, "a", ())
    assert await standing(sandbox) == ["a"]


async def test_a_connection_that_ends_before_the_message_was_read_is_uncertain_too(sandbox, notifier):
    await sandbox.fault(telegram_refuse=True)
    with pytest.raises(Uncertain):
        await notifier.send(CHAT, "a", ())
    assert await standing(sandbox) == []


async def test_an_answer_that_is_late_but_in_time_is_an_answer(sandbox, notifier):
    await sandbox.fault(telegram_slow={"value": 6_000, "times": 1})
    sending = asyncio.create_task(notifier.send(CHAT, "a", ()))
    await sandbox.sleeper_until(sandbox.clock.now() + 6_000)
    sandbox.clock.advance_to(sandbox.clock.now() + 6_000)
    assert await sending == 1


async def test_where_nobody_listens_nothing_was_sent(sandbox, unused_tcp_port):
    dead = adapter(sandbox, base_url=f"http://127.0.0.1:{unused_tcp_port}/bot")
    for call in (dead.send(CHAT, "a", ()), dead.peek(CHAT, 1)):
        with pytest.raises(Unavailable):
            await call
    await dead.close()


async def test_presses_are_read_again_when_the_other_poller_is_gone(sandbox, notifier):
    await notifier.send(CHAT, "a", BUTTONS)
    await sandbox.fault(telegram_conflict={"value": True, "for_ms": 8_000})
    start = sandbox.clock.now()
    async with aclosing(notifier.presses()) as presses:
        waiting = asyncio.create_task(anext(presses))
        for passed in (5_000, 10_000):
            await sandbox.sleeper_until(start + passed)
            if passed == 10_000:
                body = {"message_id": 1, "data": BUTTONS[0].data}
                async with sandbox.http.post(sandbox.at.rest_url + "/sandbox/press", json=body) as response:
                    assert response.status == 200
            sandbox.clock.advance_to(start + passed)
        assert (await waiting).data == BUTTONS[0].data
    assert (await methods(sandbox))["methods"]["getUpdates"]["by_status"] == {"200": 1, "409": 2}


# --- looks ---------------------------------------------------------------------------------------------------------


async def test_without_a_chat_of_the_operators_nothing_is_looked_at(sandbox):
    blind = adapter(sandbox, operations_chat="")
    assert blind.can_peek is False
    with pytest.raises(Refused, match=r"telegram\.operations_chat") as caught:
        await blind.peek(CHAT, 1)
    assert caught.value.reason == "forbidden"
    await blind.close()


async def test_a_look_leaves_no_copy_and_makes_no_sound(sandbox, notifier):
    await notifier.send(CHAT, "a", ())
    assert await notifier.peek(CHAT, 1) == "a"
    forwarded, deleted = (await sandbox.get("/sandbox/transcript"))[-2:]
    assert (forwarded["method"], forwarded["parameters"]["disable_notification"]) == ("forwardMessage", "true")
    assert (deleted["method"], deleted["status"], deleted["parameters"]["chat_id"]) == (
        "deleteMessage",
        200,
        OPERATIONS,
    )


async def test_a_copy_that_cannot_be_deleted_does_not_spoil_the_look(sandbox, notifier, caplog):
    await notifier.send(CHAT, "a", ())
    await sandbox.fault(telegram_error={"value": 500, "method": "deleteMessage"})
    assert await notifier.peek(CHAT, 1) == "a"
    assert "a forwarded message stays in the operations chat" in caplog.messages


async def test_a_protected_message_may_not_be_looked_at(sandbox, notifier):
    await sandbox.call("sendMessage", chat_id=CHAT, text="a", protect_content=True)
    with pytest.raises(Refused) as caught:
        await notifier.peek(CHAT, 1)
    assert caught.value.reason == "bad_request"


@pytest.mark.parametrize("wrong", [{"operations_chat": "@nobody"}, {}])
async def test_a_chat_that_is_not_there_forbids_every_look(sandbox, wrong):
    lost = adapter(sandbox, **wrong)
    await lost.send(CHAT, "a", ())
    with pytest.raises(Refused) as caught:
        await lost.peek(CHAT if wrong else "@elsewhere", 1)
    assert caught.value.reason == "forbidden"
    await lost.close()


@pytest.mark.parametrize(
    ("fault", "retry_after"),
    [
        ({"telegram_rate": {"value": 9, "chat": OPERATIONS}}, 9_000),
        ({"telegram_error": 502}, None),
        ({"telegram_swallow": True}, None),
    ],
)
async def test_a_look_that_is_not_answered_can_be_tried_again(sandbox, notifier, fault, retry_after):
    await notifier.send(CHAT, "a", ())
    await sandbox.fault(**fault)
    with pytest.raises(Unavailable) as caught:
        await notifier.peek(CHAT, 1)
    assert caught.value.retry_after == retry_after
    await sandbox.fault(**dict.fromkeys(fault))
    assert await notifier.peek(CHAT, 1) == "a"


async def test_a_look_with_a_wrong_token_is_the_operators_fault(sandbox):
    wrong = adapter(sandbox, token="2:wrong")
    with pytest.raises(ConfigurationError):
        await wrong.peek(CHAT, 1)
    await wrong.close()
