"""Bybit's adapter against a hostile Bybit on loopback: it survives, says why in one line, and never claims too much."""

import asyncio
import gzip
import json
import socket
from collections import Counter
from contextlib import aclosing

import httpx
import pytest
from pydantic import ValidationError

from shared.adapters.clock.manual import ManualClock
from shared.adapters.clock.system import SystemClock
from shared.adapters.exchanges.bybit import BybitExchange, Options, create
from shared.adapters.loader import load
from shared.domain.feed import FeedAlive, FeedConnected, FeedDisconnected, FeedIgnored, FeedTrades
from shared.domain.timeframe import Timeframe
from shared.errors import Refused, Unavailable
from tests.adapters.exchanges.fake_bybit import CLOUDFRONT, FakeBybit
from tests.makers import MINUTE, START, recorded

FILL = {"s": "BTCUSDT", "S": "Buy", "v": "1", "p": "2", "i": "i1", "BT": False}
SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
QUICK = {
    "connect_timeout": 2.0,
    "ack_timeout": 0.2,
    "ping_interval": 5.0,
    "quiet_ping": 0.02,
    "ping_timeout": 0.2,
    "backoff_first": 0.01,
    "backoff_most": 0.04,
    "silence": 5.0,
    "ban_wait": 0.05,
    "rest_timeout": 2.0,
}


class DayOfTheRecording(SystemClock):
    """Its wall clock stands at the time of a recording."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self):
        return self._now


def exchange_at(fake: FakeBybit, clock=None, **options) -> BybitExchange:
    settings = {"ws_url": fake.ws_url, "rest_url": fake.rest_url, "category": "spot" if fake.spot else "linear"}
    return create(Options(**(settings | QUICK | options)), clock or SystemClock())


async def until(exchange: BybitExchange, symbols: list[str], *kinds: type) -> list:
    """Events up to and including the first of each kind, in this order."""
    events, wanted = [], list(kinds)
    async with asyncio.timeout(5), aclosing(exchange.events(symbols)) as stream:
        async for event in stream:
            events.append(event)
            if isinstance(event, wanted[0]):
                wanted.pop(0)
            if not wanted:
                break
    await exchange.close()
    return events


def subscriptions(fake: FakeBybit) -> list[list[str]]:
    return [
        [topic.removeprefix("publicTrade.") for topic in request["args"]]
        for request in fake.requests
        if request["op"] == "subscribe"
    ]


async def test_a_run_begins_when_all_is_confirmed_and_trades_follow():
    async with FakeBybit().serve() as fake:
        before = SystemClock().now()
        connected, trades = await until(exchange_at(fake), SYMBOLS, FeedTrades)
        assert connected.symbols == tuple(SYMBOLS)
        assert connected.refused == {}
        assert before < connected.covered_from <= SystemClock().now() + 1_000
        assert trades.trades[0].symbol == "BTCUSDT"
        assert trades.venue_time <= trades.receive_time
        assert "sec-websocket-extensions" not in fake.headers[0]


@pytest.mark.parametrize("names_topics", [True, False])
@pytest.mark.parametrize("spot", [True, False])
async def test_one_bad_symbol_among_many_does_not_silence_the_others(spot, names_topics):
    many = [f"S{number}USDT" for number in range(23)]
    async with FakeBybit(spot=spot, names_topics=names_topics, unknown={"S7USDT", "S20USDT"}).serve() as fake:
        connected, *_ = await until(exchange_at(fake), many, FeedTrades)
        assert set(connected.symbols) == set(many) - fake.unknown
        assert set(connected.refused) == fake.unknown
        most = 10 if spot else 100
        assert all(len(symbols) <= most for symbols in subscriptions(fake))
        assert len({request["req_id"] for request in fake.requests}) == len(fake.requests)


async def test_when_every_symbol_is_refused_the_reason_names_them():
    async with FakeBybit(unknown={"NOUSDT"}).serve() as fake:
        (event,) = await until(exchange_at(fake), ["NOUSDT"], FeedDisconnected)
        assert "refused every symbol (NOUSDT: error:handler not found,topic:publicTrade.NOUSDT)" in event.reason


async def test_a_symbol_given_twice_is_asked_for_once():
    async with FakeBybit().serve() as fake:
        await until(exchange_at(fake), ["BTCUSDT", "BTCUSDT"], FeedTrades)
        assert subscriptions(fake) == [["BTCUSDT"]]


async def test_without_an_answer_to_the_subscription_it_connects_again():
    async with FakeBybit(acks_from=2).serve() as fake:
        lost, connected, _ = await until(exchange_at(fake), SYMBOLS, FeedTrades)
        assert "no answer to a subscription within 0.2 s; trying again in" in lost.reason
        assert connected.symbols == tuple(SYMBOLS)


async def test_a_socket_that_answers_pings_and_delivers_nothing_is_given_up():
    async with FakeBybit(lively=set()).serve() as fake:
        (lost,) = await until(exchange_at(fake, silence=0.1), SYMBOLS, FeedDisconnected)
        assert "no trades of any symbol for 0 s although the socket is alive" in lost.reason
        assert any(request["op"] == "ping" for request in fake.requests)


async def test_a_silent_topic_is_noticed_while_the_others_trade():
    async with FakeBybit(lively={"BTCUSDT", "ETHUSDT"}).serve() as fake:
        exchange = exchange_at(fake, silence=0.2, topic_silence=0.2, topic_gaps=1.0)
        events = await until(exchange, SYMBOLS, FeedDisconnected)
        assert "no trades of SOLUSDT" in events[-1].reason
        assert len([event for event in events if isinstance(event, FeedTrades)]) > 4


async def test_a_half_open_connection_is_given_up_and_its_silence_proves_nothing():
    async with FakeBybit(pongs=False).serve() as fake:
        (lost,) = await until(exchange_at(fake), SYMBOLS, FeedDisconnected)
        assert "nothing arrived for 0.2 s after a ping" in lost.reason


async def test_an_answered_ping_proves_the_time_at_which_it_was_sent():
    async with FakeBybit().serve() as fake:
        exchange = exchange_at(fake)
        events = await until(exchange, SYMBOLS, FeedTrades, FeedAlive)
        newest = max(event.venue_time for event in events if isinstance(event, FeedTrades))
        assert newest <= events[-1].venue_time <= SystemClock().now()


async def test_a_cut_connection_ends_the_run_and_the_next_covers_later_time():
    async with FakeBybit(drops_until=1).serve() as fake:
        events = await until(exchange_at(fake), SYMBOLS, FeedTrades, FeedDisconnected, FeedTrades)
        runs = [event.covered_from for event in events if isinstance(event, FeedConnected)]
        (lost,) = [event for event in events if isinstance(event, FeedDisconnected)]
        assert "closed the connection" in lost.reason
        assert len(runs) == 2
        assert runs[0] < runs[1]


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (403, "text/html", CLOUDFRONT, "does not serve this region; run in another region (asia-southeast1"),
        (451, "text/plain", "unavailable", "does not serve this region"),
        (403, "application/json", '{"retMsg":"access too frequent"}', "asked too often"),
        (403, "text/plain", "access too frequent", "trying again in 0.05 s"),
        (502, "text/html", "<html>bad gateway</html>", "HTTP 502"),
        (404, "text/plain", "", "check the host"),
    ],
)
async def test_a_refused_upgrade_is_explained_with_its_cure(status, kind, body, words):
    async with FakeBybit(upgrade=(status, kind, body), refuses_until=1).serve() as fake:
        lost, connected, _ = await until(exchange_at(fake), SYMBOLS, FeedTrades)
        assert words in lost.reason
        assert connected.symbols == tuple(SYMBOLS)


async def test_a_dead_address_is_said_in_one_line_per_attempt_and_recovers_by_itself(caplog):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        fake = FakeBybit(port=probe.getsockname()[1])
    exchange, events = exchange_at(fake), []
    async with asyncio.timeout(5), aclosing(exchange.events(SYMBOLS)) as stream:
        events += [await anext(stream) for _ in range(3)]
        async with fake.serve():
            while not isinstance(events[-1], FeedTrades):
                events.append(await anext(stream))
            await stream.aclose()
    await exchange.close()
    reasons = [event.reason for event in events if isinstance(event, FeedDisconnected)]
    assert len(reasons) >= 3
    assert reasons[0].startswith(
        f"cannot reach {fake.ws_url}/v5/public/linear (connection refused); trying again in 0.0"
    )
    assert [record.reason for record in caplog.records if record.message == "feed disconnected"] == reasons


async def test_a_repeated_ack_confirms_nothing_that_was_not_asked():
    many = [f"S{number}USDT" for number in range(25)]
    async with FakeBybit(spot=True, double_acks=True).serve() as fake:
        connected, *_ = await until(exchange_at(fake), many, FeedTrades)
        assert set(connected.symbols) == set(many)
        assert [len(symbols) for symbols in subscriptions(fake)] == [10, 10, 5]


async def test_last_trades_repeated_before_the_ack_travel_and_are_not_covered():
    old = SystemClock().now() - 42_000
    fill = {"T": old, "s": "BTCUSDT", "S": "Buy", "v": "1", "p": "2", "i": "old", "BT": False}
    backlog = json.dumps({"topic": "publicTrade.BTCUSDT", "ts": old, "type": "snapshot", "data": [fill]})
    async with FakeBybit(backlog=[backlog]).serve() as fake:
        connected, early, *_ = await until(exchange_at(fake), SYMBOLS, FeedTrades)
        assert isinstance(connected, FeedConnected)
        assert early.trades[0].trade_id == "old"
        assert early.trades[0].event_time < old + 42_000 <= connected.covered_from


async def test_a_frame_that_cannot_be_read_ends_the_run():
    async with FakeBybit(script=['{"topic":"publicTrade.BTCUSDT","ts":1,"data":[{}]}']).serve() as fake:
        ignored, lost = await until(exchange_at(fake), SYMBOLS, FeedDisconnected)
        assert ignored == FeedIgnored("refused")
        assert "a frame cannot be read (trade frame" in lost.reason


@pytest.mark.parametrize("days", [-2, 2, 3_000_000])
async def test_a_frame_of_another_day_is_refused_before_it_moves_the_watermark(days):
    at = max(0, SystemClock().now() + days * 86_400_000)
    line = json.dumps({"topic": "publicTrade.BTCUSDT", "ts": at, "data": [FILL | {"T": at}]})
    async with FakeBybit(script=[line]).serve() as fake:
        ignored, lost = await until(exchange_at(fake), SYMBOLS, FeedDisconnected)
        assert ignored == FeedIgnored("refused")
        assert any(words in lost.reason for words in ("check this machine's date", "trade frame: Expected `int`"))


async def test_the_venue_tells_its_time():
    body = '{"retCode":0,"result":{"timeSecond":"1688639403","timeNano":"1688639403423213947"},"time":1688639403424}'
    async with FakeBybit(rest={"time": [(200, body), (200, '{"retCode":0,"result":{}}')]}).serve() as fake:
        exchange = exchange_at(fake)
        assert await exchange.venue_time() == 1_688_639_403_423
        with pytest.raises(Unavailable, match="answered with something else"):
            await exchange.venue_time()
        await exchange.close()


async def test_the_recorded_session_gives_eight_trades_and_counts_what_it_ignores():
    lines = recorded("ws_raw", "bybit_v5_spot_testnet_session_2026-09-13.jsonl").read_text().splitlines()
    async with FakeBybit(spot=True, script=lines, lively=set()).serve() as fake:
        exchange = exchange_at(fake, DayOfTheRecording(1_789_299_670_000), silence=0.15)
        events = await until(exchange, ["BTCUSDT"], FeedDisconnected)
        trades = [trade for event in events if isinstance(event, FeedTrades) for trade in event.trades]
        connected = next(event for event in events if isinstance(event, FeedConnected))
        assert len(trades) == len({trade.trade_id for trade in trades}) == 8
        assert connected.refused == {}
        assert Counter(event for event in events if isinstance(event, FeedIgnored)) == {FeedIgnored("orderbook"): 2}


async def test_the_old_protocol_gives_no_trades_no_crash_and_a_count():
    with gzip.open(recorded("ws_raw", "cryptofeed_BYBIT.ws.25.0.txt.gz"), "rt") as capture:
        lines = [line.partition(": ")[2] for line in capture if line[0].isdigit()]
    async with FakeBybit(script=lines, lively=set()).serve() as fake:
        exchange = exchange_at(fake, silence=0.5)
        *ignored, lost = await until(exchange, ["BTCUSDT"], FeedDisconnected)
        assert Counter(ignored) == {FeedIgnored("foreign"): 3342}
        assert "no trades of any symbol" in lost.reason


async def test_closing_the_events_closes_the_socket():
    async with FakeBybit().serve() as fake:
        await until(exchange_at(fake), SYMBOLS, FeedTrades)
        async with asyncio.timeout(2):
            await fake.closed.wait()


def klines(*indexes: int, now: int = START + 5_000 * MINUTE) -> str:
    rows = [[str(START + index * MINUTE), "2", "4", "1", "3", "5", "15"] for index in sorted(indexes, reverse=True)]
    return json.dumps({"retCode": 0, "result": {"symbol": "BTCUSDT", "list": rows}, "time": now})


async def history(fake: FakeBybit, count: int = 1, start: int = START, **options) -> list:
    exchange = exchange_at(fake, **options)
    try:
        return await exchange.candles("BTCUSDT", Timeframe.M1, start, START + count * MINUTE)
    finally:
        await exchange.close()


async def test_history_is_asked_in_windows_the_venue_answers_wholly():
    pages = [(200, klines(*range(-1, 1000))), (200, klines(*range(1000, 2000))), (200, klines(2000))]
    async with FakeBybit(rest={"kline": pages}).serve() as fake:
        candles = await history(fake, 2001)
        assert [candle.open_time for candle in candles] == [START + n * MINUTE for n in range(2001)]
        assert [(int(query["start"]), int(query["end"]), query["limit"]) for query in fake.queries] == [
            (START, START + 1000 * MINUTE - 1, "1000"),
            (START + 1000 * MINUTE, START + 2000 * MINUTE - 1, "1000"),
            (START + 2000 * MINUTE, START + 2001 * MINUTE - 1, "1000"),
        ]
        assert fake.queries[0] | {"category": "linear", "interval": "1", "symbol": "BTCUSDT"} == fake.queries[0]


async def test_the_forming_candle_is_no_history():
    async with FakeBybit(rest={"kline": [(200, klines(0, 1, now=START + MINUTE + 30_000))]}).serve() as fake:
        assert [candle.open_time for candle in await history(fake, 2)] == [START]


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, '{"retCode":10001,"retMsg":"params error: symbol invalid"}', Refused, "symbol invalid"),
        (200, '{"retCode":10006,"retMsg":"Too many visits!"}', Unavailable, "Too many visits"),
        (200, "<html>captive portal</html>", Unavailable, "answered with something else"),
        (403, CLOUDFRONT, Refused, "asia-southeast1"),
        (403, '{"retMsg":"access too frequent"}', Unavailable, "barred"),
        (429, "", Unavailable, "429"),
        (404, "", Refused, "check the host"),
        (503, "", Unavailable, "503"),
    ],
)
async def test_what_the_venue_answers_becomes_who_must_act(status, body, error, words):
    async with FakeBybit(rest={"kline": [(status, body)]}).serve() as fake:
        with pytest.raises(error, match=words):
            await history(fake)


async def test_a_barred_address_asks_nothing_until_the_ban_is_over():
    async with FakeBybit(rest={"kline": [(403, "access too frequent"), (200, klines(0))]}).serve() as fake:
        exchange = exchange_at(fake, ban_wait=600.0)
        for _ in range(3):
            with pytest.raises(Unavailable, match="barred") as caught:
                await exchange.candles("BTCUSDT", Timeframe.M1, START, START + MINUTE)
            assert 0 < caught.value.retry_after <= 600_000
        await exchange.close()
        assert len(fake.queries) == 1


async def test_no_more_requests_go_out_than_the_settings_allow_in_five_seconds(monkeypatch):
    clock, times = ManualClock(START), []
    exchange = create(Options(rest_requests=3), clock)

    async def get(*_, **__):
        times.append((clock.now() - START) // 1_000)
        return httpx.Response(200, text=klines(0))

    monkeypatch.setattr(exchange._http, "get", get)
    asked = [asyncio.create_task(exchange.candles("BTCUSDT", Timeframe.M1, START, START + MINUTE)) for _ in range(7)]
    while not all(task.done() for task in asked):
        for _ in range(20):
            await asyncio.sleep(0)
        clock.advance_to(clock.now() + 1_000)
    assert times == [0, 0, 0, 5, 5, 5, 10]
    assert all(len(task.result()) == 1 for task in asked)
    await exchange.close()


async def test_an_address_where_nobody_listens_is_unavailable():
    with pytest.raises(Unavailable, match=r"cannot reach http://127\.0\.0\.1:9"):
        await history(FakeBybit(port=9))


async def test_symbols_are_read_page_by_page():
    pages = [
        (200, json.dumps({"retCode": 0, "result": {"list": [{"symbol": "A"}], "nextPageCursor": "two"}})),
        (200, json.dumps({"retCode": 0, "result": {"list": [{"symbol": "B"}], "nextPageCursor": ""}})),
    ]
    async with FakeBybit(rest={"instruments-info": pages}).serve() as fake:
        exchange = exchange_at(fake)
        assert await exchange.symbols() == {"A", "B"}
        assert [query.get("cursor") for query in fake.queries] == [None, "two"]
        assert {query["limit"] for query in fake.queries} == {"1000"}
        await exchange.close()


async def test_a_cursor_that_comes_again_ends_the_paging():
    page = (200, json.dumps({"retCode": 0, "result": {"list": [{"symbol": "A"}], "nextPageCursor": "same"}}))
    async with FakeBybit(rest={"instruments-info": [page]}).serve() as fake:
        exchange = exchange_at(fake)
        assert await exchange.symbols() == {"A"}
        assert len(fake.queries) == 2
        await exchange.close()


def test_the_adapter_is_found_by_its_name_and_names_its_product():
    module = load("exchanges", "bybit")
    assert module.create(module.Options(category="spot"), SystemClock()).exchange == "bybit-spot"
    assert module.create(module.Options(), SystemClock()).exchange == "bybit-linear"


@pytest.mark.parametrize("wrong", [{"category": "inverse"}, {"ws_url": "stream.bybit.com"}, {"silence": 0}, {"x": 1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Options(**wrong)
