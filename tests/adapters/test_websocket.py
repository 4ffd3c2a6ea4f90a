"""The loop that never ends: what it says about each loss, and how long it waits."""

import asyncio
import socket
import ssl
from contextlib import aclosing

import pytest

from shared.adapters.clock.system import SystemClock
from shared.adapters.websocket import SocketFeed, _plain
from shared.adapters.websocket_talk import Answered, Timing
from shared.errors import Unavailable


class Silent:
    """A dialect for connections that are never made."""

    def batches(self, symbols):
        return [tuple(symbols)]

    def subscribe(self, _symbols, _req_id):
        return "subscribe"

    def ping(self, _req_id):
        return "ping"

    def decode(self, _frame, _receive_time):
        return Answered(ok=True, req_id="")

    def refusal(self, status, _body):
        return Unavailable(f"HTTP {status}", retry_after=30)


def feed(url: str, jitter: float = 1.0, **timing) -> SocketFeed:
    return SocketFeed(url, Silent(), SystemClock(), Timing(**timing), lambda: jitter)


@pytest.mark.parametrize(("jitter", "share"), [(0.0, 0.5), (1.0, 1.0)])
def test_pauses_double_up_to_the_longest_and_half_of_each_is_chance(jitter, share):
    loop = feed("ws://127.0.0.1:1", jitter, backoff_first=1.0, backoff_most=30.0)
    assert [loop._pause(attempt) for attempt in (0, 1, 2, 4, 5, 10_000)] == [
        share * seconds for seconds in (1, 2, 4, 16, 30, 30)
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer within 4 s"),
        (socket.gaierror(-2, "Name or service not known"), "the name is not known: check the address and the network"),
        (ConnectionRefusedError(111, "Connect call failed"), "connection refused"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1'), [Errno 111] ..."),
            "connection refused",
        ),
        (ssl.SSLError("certificate verify failed"), "certificate verify failed"),
        (EOFError(), "EOFError"),
    ],
)
def test_every_way_not_to_be_reached_has_its_words(error, words):
    assert words in _plain(error, timeout=4.0)


async def test_an_address_that_is_no_websocket_is_said_and_tried_again():
    async def hang_up(_reader, writer):
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, asyncio.timeout(5), aclosing(feed(url, backoff_first=0.01).events(["A"])) as events:
        reasons = [(await anext(events)).reason for _ in range(2)]
    assert all(reason.startswith(f"cannot reach {url} (") for reason in reasons)


async def test_a_wait_that_the_venue_asks_for_is_kept():
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, asyncio.timeout(5), aclosing(feed(url, backoff_first=9.0).events(["A"])) as events:
        assert (await anext(events)).reason == f"cannot reach {url} (HTTP 429); trying again in 0.03 s"
        assert "HTTP 429" in (await anext(events)).reason
