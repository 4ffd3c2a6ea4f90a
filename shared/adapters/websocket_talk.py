"""One websocket connection: frames of a venue in, feed events out, until it must be given up.

Every frame is an event or answers a request of ours: none disappears without being counted.

Subscribes batch by batch, pings, judges silence. Knows no venue: a `Dialect` says how one speaks.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shared.domain.feed import FeedAlive, FeedConnected, FeedEvent, FeedIgnored, FeedTrades
from shared.engine.feed_watch import LocalTime, TopicWatch, VenueTime, WatchLimits
from shared.engine.subscription import SubscribePlan
from shared.errors import InvalidMessage, TrackerError
from shared.ports import Clock

# Added to the first covered time: a frame may have been made a little before the confirmation it follows.
_COVER_MARGIN_MILLIS = 1_000
_REASON_CHARACTERS = 300  # a damaged frame may be megabytes long, and an error quotes what it found


class Socket(Protocol):
    """The part of a websocket that a talk needs; `recv` can be cancelled without losing a frame."""

    async def send(self, message: str) -> None:
        """Send a text frame."""
        ...

    async def recv(self, decode: Literal[False]) -> bytes:
        """The next frame, as bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """A subscribe request has its answer. `refused` are the symbols it names; `already` means they are subscribed."""

    ok: bool
    req_id: str
    text: str = ""
    refused: tuple[str, ...] = ()
    already: bool = False


@dataclass(frozen=True, slots=True)
class Ponged:
    """A ping was answered; `req_id` is empty where the venue does not repeat it."""

    req_id: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A frame without trades for us; `kind` is one of few words."""

    kind: str


class Dialect(Protocol):
    """What a venue declares."""

    def batches(self, symbols: Sequence[str]) -> list[tuple[str, ...]]:
        """Symbols cut into requests that the venue takes."""
        ...

    def subscribe(self, symbols: Sequence[str], req_id: str) -> str:
        """The frame that subscribes."""
        ...

    def ping(self, req_id: str) -> str:
        """The frame that asks for a sign of life."""
        ...

    def decode(self, frame: bytes, receive_time: int) -> FeedTrades | Answered | Ponged | Skipped:
        """What a frame says; raises InvalidMessage when it cannot be read."""
        ...

    def refusal(self, status: int, body: bytes) -> TrackerError:
        """What an HTTP answer other than 101 to the upgrade means, with the cure."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of real time.

    Attributes:
        connect_timeout: For TCP, TLS and upgrade together.
        ack_timeout: For the answer to one subscribe request.
        ping_interval: Between pings while data flows.
        quiet_ping: A ping is also sent when nothing at all has arrived for so long.
        ping_timeout: Without any frame for so long after a ping, the connection is given up.
        backoff_first: Before the first new attempt; doubles from attempt to attempt.
        backoff_most: Never longer. A connection that lived so long starts the doubling anew.
        watch: When the silence of topics is a fault.
        speed: Seconds of market time in one of real time; only a sandbox's clock has another than 1.
    """

    connect_timeout: float = 10.0
    ack_timeout: float = 10.0
    ping_interval: float = 20.0
    quiet_ping: float = 2.0
    ping_timeout: float = 10.0
    backoff_first: float = 1.0
    backoff_most: float = 30.0
    watch: WatchLimits = field(default_factory=WatchLimits)
    speed: float = 1.0

    @property
    def tick(self) -> float:
        """Between two looks at all of them."""
        watch = min(self.watch.silence, self.watch.topic_silence)
        return min(self.ack_timeout, self.ping_interval, self.quiet_ping, self.ping_timeout, watch) / 4


@dataclass(frozen=True, slots=True)
class Memory:
    """What outlives a connection: the habits of topics, the venue's clock."""

    watch: TopicWatch
    venue: VenueTime


class Lost(Exception):
    """The connection must be given up; `wait` is the pause asked for in seconds, None where nobody asked for one."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def seconds(value: float) -> str:
    """A time for people: ``4 s``, ``0.25 s``."""
    return f"{value:.0f} s" if value >= 1 else f"{value:.2g} s"


@dataclass(frozen=True, slots=True)
class _Ping:
    req_id: str
    sent: float
    at: LocalTime


class Talk:
    """One connection, from the first request to its loss, which is told by `Lost` or the library's errors."""

    def __init__(
        self,
        socket: Socket,
        dialect: Dialect,
        clock: Clock,
        timing: Timing,
        memory: Memory,
    ) -> None:
        self._socket = socket
        self._dialect = dialect
        self._clock = clock
        self._timing = timing
        self._watch = memory.watch
        self._venue = memory.venue
        self._now = clock.monotonic
        self._arrived = self._pinged = self._asked = self._now()
        self._next_tick = self._now() + timing.tick
        self._requests = 0
        self._req_id = ""
        self._ping: _Ping | None = None
        self._confirmed_at: LocalTime | None = None
        self._connected = False
        self._early: list[FeedTrades] = []  # trades before the run begins: last trades repeated by the venue

    async def events(self, symbols: Sequence[str]) -> AsyncGenerator[FeedEvent, None]:
        """Events of this connection until it is lost."""
        self._plan = SubscribePlan(self._dialect.batches(symbols))
        await self._ask()
        while True:
            frame = await self._receive()
            if frame is None:
                await self._tick()
                continue
            self._arrived = self._now()
            try:
                said = self._dialect.decode(frame, self._clock.now())
            except InvalidMessage as error:  # it may have held trades, so the run has a hole here
                yield FeedIgnored("refused")
                raise Lost(f"a frame cannot be read ({str(error)[:_REASON_CHARACTERS]})") from None
            if isinstance(said, Answered):
                await self._on_answer(said)
            for event in self._tell(said):
                yield event

    async def _receive(self) -> bytes | None:
        """The next frame; None when it is time for a tick."""
        left = self._next_tick - self._now()
        if left > 0:
            try:
                async with asyncio.timeout(left):
                    return await self._socket.recv(False)
            except TimeoutError:
                pass
        self._next_tick = self._now() + self._timing.tick
        return None

    def _local_time(self) -> LocalTime:
        return LocalTime(self._clock.now(), int(self._now() * 1000 * self._timing.speed))

    async def _ask(self) -> None:
        self._req_id = self._next_id("s")
        self._asked = self._now()
        await self._socket.send(self._dialect.subscribe(self._plan.batch, self._req_id))

    def _next_id(self, kind: str) -> str:
        self._requests += 1
        return f"{kind}{self._requests}"

    async def _on_answer(self, answer: Answered) -> None:
        # An error may carry no id; with one request in flight it can only be the answer to that one.
        if not self._plan.batch or answer.req_id not in ("", self._req_id):
            return
        if answer.ok:
            self._plan.accept()
        else:
            self._plan.refuse(answer.refused, answer.text, already=answer.already)
        if self._plan.batch:
            await self._ask()
        elif self._plan.confirmed:
            self._confirmed_at = self._local_time()
            self._watch.begin(self._plan.confirmed, self._now())
        else:
            words = "; ".join(f"{symbol}: {text}" for symbol, text in sorted(self._plan.refused.items()))
            raise Lost(f"the venue refused every symbol ({words})", self._timing.backoff_most)

    def _tell(self, said: FeedTrades | Answered | Ponged | Skipped) -> Iterator[FeedEvent]:
        if isinstance(said, FeedTrades):
            yield from self._on_trades(said)
        elif isinstance(said, Ponged) and self._ping and said.req_id in ("", self._ping.req_id):
            # Everything the venue sent before it answered has arrived: its time at our sending is behind us.
            if self._connected:
                yield FeedAlive(self._venue.at(self._ping.at))
            self._ping = None
        elif isinstance(said, Skipped):
            yield FeedIgnored(said.kind)

    def _on_trades(self, frame: FeedTrades) -> Iterator[FeedEvent]:
        if self._confirmed_at is None:
            self._early.append(frame)
            return
        for symbol in {trade.symbol for trade in frame.trades}:
            self._watch.saw(symbol, self._arrived)
        if not self._connected:
            # The run begins with the first frame after the confirmation: it alone shows what time it is at the venue.
            covered_from = self._venue.covered_from(self._confirmed_at, frame.venue_time) + _COVER_MARGIN_MILLIS
            self._connected = True
            yield FeedConnected(tuple(sorted(self._plan.confirmed)), dict(self._plan.refused), covered_from)
            yield from self._early
            self._early.clear()
        self._venue.observe(frame.venue_time, self._local_time()._replace(wall=frame.receive_time))
        yield frame

    async def _tick(self) -> None:
        now = self._now()
        if self._confirmed_at is None and now - self._asked >= self._timing.ack_timeout:
            raise Lost(f"no answer to a subscription within {seconds(self._timing.ack_timeout)}")
        if self._ping and self._arrived < self._ping.sent and now - self._ping.sent >= self._timing.ping_timeout:
            raise Lost(f"nothing arrived for {seconds(self._timing.ping_timeout)} after a ping")
        if self._confirmed_at is not None and (verdict := self._watch.verdict(now)):
            raise Lost(verdict)
        quiet = self._ping is None and now - self._arrived >= self._timing.quiet_ping
        if quiet or now - self._pinged >= self._timing.ping_interval:
            self._pinged = now
            self._ping = _Ping(self._next_id("p"), now, self._local_time())
            await self._socket.send(self._dialect.ping(self._ping.req_id))
