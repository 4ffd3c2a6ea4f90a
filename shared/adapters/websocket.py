"""The one socket loop: a venue's dialect and symbols in, feed events out, for ever.

Connects, lets `Talk` speak, and after any loss says why, waits and connects again.
Library: https://websockets.readthedocs.io (asyncio client).
"""

import asyncio
import logging
import socket as sockets
from collections.abc import AsyncGenerator, Callable, Sequence

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from shared.adapters.websocket_talk import Dialect, Lost, Memory, Talk, Timing, seconds
from shared.domain.feed import FeedDisconnected, FeedEvent
from shared.engine.feed_watch import TopicWatch, VenueTime
from shared.errors import Unavailable
from shared.ports import Clock

logger = logging.getLogger(__name__)

_MAX_FRAME_BYTES = 8 * 1024 * 1024


class SocketFeed:
    """A venue's trades over one websocket at a time."""

    def __init__(self, url: str, dialect: Dialect, clock: Clock, timing: Timing, jitter: Callable[[], float]) -> None:
        """Nothing is opened yet. `jitter` gives numbers in [0, 1) that spread the attempts of many processes."""
        self._url = url
        self._dialect = dialect
        self._clock = clock
        self._timing = timing
        self._jitter = jitter
        self._memory = Memory(TopicWatch(timing.watch), VenueTime())

    async def events(self, symbols: Sequence[str]) -> AsyncGenerator[FeedEvent, None]:
        """Everything that happens, for ever; only cancellation or `aclose` ends it."""
        attempt = 0
        while True:
            started = self._clock.monotonic()
            try:
                async with self._connect() as socket:
                    talk = Talk(socket, self._dialect, self._clock, self._timing, self._memory)
                    async for event in talk.events(symbols):
                        yield event
            except (Lost, OSError, WebSocketException) as error:
                if self._clock.monotonic() - started >= self._timing.backoff_most:
                    attempt = 0
                lost = self._explain(error)
                wait = self._pause(attempt) if lost.wait is None else lost.wait
                reason = f"{lost}; trying again in {seconds(wait)}"
            attempt += 1
            logger.warning("feed disconnected", extra={"url": self._url, "reason": reason})
            yield FeedDisconnected(reason)
            await asyncio.sleep(wait)

    def _connect(self) -> connect:
        return connect(
            self._url,
            compression=None,  # Bybit answered offers of permessage-deflate with a broken handshake
            max_size=_MAX_FRAME_BYTES,
            proxy=None,
            ping_interval=None,  # the loop pings by itself, in the venue's words
            open_timeout=self._timing.connect_timeout,
            close_timeout=0.25,  # seconds; a venue in full flow answers our goodbye late, and nothing depends on it
        )

    def _pause(self, attempt: int) -> float:
        """Capped exponential, the upper half of it at random (see "Exponential Backoff And Jitter", AWS, 2015)."""
        longest = min(self._timing.backoff_most, self._timing.backoff_first * 2.0 ** min(attempt, 32))
        return longest * (0.5 + self._jitter() / 2)

    def _explain(self, error: Exception) -> Lost:
        if isinstance(error, Lost):
            return error
        if isinstance(error, ConnectionClosed):
            return Lost(f"{self._url} closed the connection ({error})")
        if isinstance(error, InvalidStatus):
            refusal = self._dialect.refusal(error.response.status_code, bytes(error.response.body or b""))
            wait = refusal.retry_after if isinstance(refusal, Unavailable) else None
            return Lost(f"cannot reach {self._url} ({refusal})", None if wait is None else wait / 1000)
        return Lost(f"cannot reach {self._url} ({_plain(error, self._timing.connect_timeout)})")


def _plain(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds(timeout)}"
    if isinstance(error, sockets.gaierror):
        return "the name is not known: check the address and the network"
    # Several addresses of one name fail together as one nameless OSError.
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "connection refused"
    return str(error) or type(error).__name__
