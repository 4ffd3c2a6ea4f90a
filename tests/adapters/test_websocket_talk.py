"""One connection against a scripted socket: requests, answers and events in their order."""

import asyncio
from contextlib import aclosing

import pytest

from shared.adapters.clock.system import SystemClock
from shared.adapters.websocket_talk import Answered, Lost, Memory, Ponged, Skipped, Talk, Timing, seconds
from shared.domain.feed import FeedAlive, FeedConnected, FeedIgnored, FeedTrades
from shared.engine.feed_watch import TopicWatch, VenueTime, WatchLimits
from shared.errors import InvalidMessage
from tests.makers import START, make_trade


class MarketStandsStill(SystemClock):
    """Market time is START for ever; the machine's time passes."""

    def now(self):
        return START


class Scripted:
    """A socket and a dialect in one: frames are the values they decode to."""

    def __init__(self, answer) -> None:
        self.sent: list[str] = []
        self._answer = answer
        self._frames: asyncio.Queue = asyncio.Queue()

    async def send(self, message: str) -> None:
        self.sent.append(message)
        for frame in self._answer(message):
            self._frames.put_nowait(frame)

    async def recv(self, _decode):
        return await self._frames.get()

    def batches(self, symbols):
        return [tuple(symbols[start : start + 2]) for start in range(0, len(symbols), 2)]

    def subscribe(self, symbols, req_id):
        return f"subscribe {req_id} {' '.join(symbols)}"

    def ping(self, req_id):
        return f"ping {req_id}"

    def decode(self, frame, _receive_time):
        if isinstance(frame, InvalidMessage):
            raise frame
        return frame


def trades(symbol: str, at: int) -> FeedTrades:
    return FeedTrades((make_trade(at, symbol=symbol),), at + 2, at + 5)


def memory() -> Memory:
    return Memory(TopicWatch(WatchLimits(silence=1.0)), VenueTime())


async def talk(answer, symbols, count: int, kept: Memory | None = None, **timing):
    """The first events, or the loss, of a talk; and what was sent."""
    script = Scripted(answer)
    quick = {"quiet_ping": 0.01, "ping_timeout": 0.05, "ack_timeout": 0.05, "watch": WatchLimits(silence=1.0)}
    told = Talk(script, script, MarketStandsStill(), Timing(**(quick | timing)), kept or memory())
    events = []
    async with asyncio.timeout(5), aclosing(told.events(symbols)) as stream:
        async for event in stream:
            events.append(event)
            if len(events) == count:
                break
    return events, script.sent


def confirm(message: str, *frames):
    kind, req_id, *_ = message.split()
    return [Answered(ok=True, req_id=req_id), *frames] if kind == "subscribe" else []


async def test_one_request_is_in_flight_at_a_time():
    asked = []

    def answer(message):
        asked.append(message)
        yield Answered(ok=True, req_id="of another request")
        assert len(asked) == len(set(asked))
        yield from confirm(message, *([trades("A", START)] if "E" in message else []))

    (connected, _), sent = await talk(answer, ["A", "B", "C", "D", "E"], 2)
    assert sent == ["subscribe s1 A B", "subscribe s2 C D", "subscribe s3 E"]
    assert connected.symbols == ("A", "B", "C", "D", "E")


async def test_the_run_begins_with_the_first_frame_after_the_last_answer():
    def answer(message):
        if "s1" in message:
            return [trades("A", START - 9_000), *confirm(message)]
        return confirm(message, Skipped("orderbook"), trades("C", START + 100), trades("A", START + 200))

    (ignored, connected, *frames), _ = await talk(answer, ["A", "B", "C"], 5)
    assert ignored == FeedIgnored("orderbook")
    assert isinstance(connected, FeedConnected)
    assert connected.covered_from == START + 102 + 1_000
    assert [frame.trades[0].event_time - START for frame in frames] == [-9_000, 100, 200]


@pytest.mark.parametrize("echo", [True, False])
async def test_a_pong_tells_the_venue_time_of_its_ping_and_a_foreign_one_nothing(echo):
    def answer(message):
        if message.startswith("ping"):
            return [Ponged("p99"), Ponged(message.split()[1] if echo else "")]
        return confirm(message, trades("A", START + 100))

    (_, _, alive, again), _ = await talk(answer, ["A"], 4)
    assert alive == again == FeedAlive(START - 3)


async def test_no_pong_before_the_run_says_anything():
    def answer(message):
        if message == "ping p4":
            return [trades("A", START)]
        return [Ponged("")] if message.startswith("ping") else confirm(message)

    (first, *_), sent = await talk(answer, ["A"], 2)
    assert isinstance(first, FeedConnected)
    assert sent[-1] == "ping p4"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _message: [], "no answer to a subscription within 0.05 s"),
        (confirm, "nothing arrived for 0.05 s after a ping"),
        (lambda message: confirm(message) or [Ponged("")], "no trades of any symbol"),
        (lambda _message: [Answered(ok=False, req_id="", text="no")], "the venue refused every symbol (A: no)"),
    ],
)
async def test_each_loss_has_its_reason(answer, reason):
    kept = Memory(TopicWatch(WatchLimits(silence=0.1)), VenueTime())
    with pytest.raises(Lost) as caught:
        await talk(answer, ["A"], 1, kept)
    assert reason in str(caught.value)


async def test_a_frame_that_cannot_be_read_is_counted_and_then_ends_the_connection():
    script = Scripted(lambda message: confirm(message, InvalidMessage("frame: broken" + "!" * 9_000)))
    told = Talk(script, script, MarketStandsStill(), Timing(), memory())
    async with aclosing(told.events(["A"])) as stream:
        assert await anext(stream) == FeedIgnored("refused")
        with pytest.raises(Lost, match=r"a frame cannot be read \(frame: broken") as caught:
            await anext(stream)
    assert len(str(caught.value)) < 400


async def test_pings_go_out_at_their_interval_although_data_flows():
    def answer(message):
        if message.startswith("ping"):
            return [trades("A", START)]
        return confirm(message, trades("A", START))

    _, sent = await talk(answer, ["A"], 5, quiet_ping=1.0, ping_interval=0.01, ping_timeout=1.0, ack_timeout=1.0)
    assert sent[1:] == ["ping p2", "ping p3", "ping p4"]


def test_times_are_short_to_read():
    assert [seconds(value) for value in (0.0312, 0.25, 1, 600.0)] == ["0.031 s", "0.25 s", "1 s", "600 s"]
