import json

from tests.makers import START


async def events(response, count):
    found = []
    async for line in response.content:
        if line.startswith(b"data: "):
            found.append(json.loads(line.removeprefix(b"data: ")))
            if len(found) == count:
                return found
    raise AssertionError("the stream ended")


async def test_the_page_and_its_files_are_served_without_inline_script_rights(sandbox):
    for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")):
        async with sandbox.http.get(sandbox.at.rest_url + path) as response:
            assert (response.status, response.content_type) == (200, kind)
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]
            assert "innerHTML" not in await response.text()


async def test_events_begin_with_the_whole_state_and_go_on_with_changes(sandbox):
    await sandbox.call("sendMessage", chat_id="@signals", text="<i>one</i>", parse_mode="HTML")
    async with sandbox.http.get(sandbox.at.rest_url + "/sandbox/events") as response:
        (state,) = await events(response, 1)
        assert [message["text"] for message in state["messages"]] == ["one"]
        assert (state["chat"]["title"], state["time"], state["speed"]) == ("Crypto Signals", START, 1.0)
        await sandbox.call("editMessageText", chat_id="@signals", message_id=1, text="two")
        await sandbox.call("deleteMessage", chat_id="@signals", message_id=1)
        edited, deleted = await events(response, 2)
    assert (edited["event"], edited["message"]["text"]) == ("message", "two")
    assert (deleted["event"], deleted["message_id"]) == ("delete", 1)


async def test_the_operations_chat_is_not_shown(sandbox):
    await sandbox.call("sendMessage", chat_id="@sandbox_operations", text="secret")
    await sandbox.call("sendMessage", chat_id="@signals", text="one")
    async with sandbox.http.get(sandbox.at.rest_url + "/sandbox/events") as response:
        (state,) = await events(response, 1)
    assert [message["text"] for message in state["messages"]] == ["one"]
