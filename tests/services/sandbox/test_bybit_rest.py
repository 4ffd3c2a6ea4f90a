import asyncio
import itertools
import json
from decimal import Decimal

import aiohttp
import pytest

from services.sandbox.market import MINUTE
from tests.makers import START

KLINE = "/v5/market/kline"


def brute_force(market, symbol, start, end, interval):
    """Bars from all trades there are, by the plainest loop."""
    bars, close, trades = [], None, iter(market.trades(symbol, market.history_start, end))
    trade = next(trades, None)
    for opened in range(market.history_start, end, interval):
        values = [close] * 4
        volume = turnover = Decimal(0)
        while trade is not None and trade.event_time < opened + interval:
            if not trade.is_block:
                first = trade.price if values[0] is None else values[0]
                high, low = (first, first) if values[0] is None else values[1:3]
                values = [first, max(high, trade.price), min(low, trade.price), trade.price]
                volume += trade.quantity
                turnover += trade.quantity * trade.price
            trade = next(trades, None)
        close = values[3]
        if start <= opened:
            bars.append([opened, *values, volume, turnover])
    return bars


@pytest.mark.parametrize("symbol", ["BTCUSDT", "SEIUSDT"])
@pytest.mark.parametrize(("interval", "minutes"), [("1", 1), ("5", 5)])
async def test_klines_equal_bars_made_of_every_trade_and_open_at_the_previous_close(sandbox, symbol, interval, minutes):
    now = START + 7 * MINUTE + 20_500
    sandbox.clock.advance_to(now)
    body = await sandbox.get(KLINE, category="linear", symbol=symbol, interval=interval, limit=1000)
    rows = [[int(row[0]), *map(Decimal, row[1:])] for row in body["result"]["list"]]
    expected = brute_force(sandbox.market, symbol, START - 60 * MINUTE, now, minutes * MINUTE)
    assert rows[: len(expected)][::-1] == expected
    assert all(newer[1] == older[4] for newer, older in itertools.pairwise(rows))
    assert rows[0][0] == now - now % (minutes * MINUTE)


async def test_history_reaches_1500_minutes_back_and_agrees_with_recent_trades(open_sandbox):
    from services.sandbox.generated_market import GeneratedMarket  # noqa: PLC0415 -- a longer market for this test

    async with open_sandbox(GeneratedMarket(seed=7, start=START, symbols=("BTCUSDT",), history=1_500)) as sandbox:
        first = START - 1_500 * MINUTE
        query = {"category": "linear", "symbol": "BTCUSDT", "interval": "1"}
        old = await sandbox.get(KLINE, **query, start=first, end=first + 999 * MINUTE, limit=1000)
        new = await sandbox.get(KLINE, **query, start=first + 1000 * MINUTE, end=START, limit=1000)
        times = [int(row[0]) for row in [*new["result"]["list"], *old["result"]["list"]]]
        assert times == list(range(START, first - 1, -MINUTE))
        latest = await sandbox.get("/v5/market/recent-trade", category="linear", symbol="BTCUSDT", limit=1)
        assert Decimal(new["result"]["list"][1][4]) == Decimal(latest["result"]["list"][0]["price"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"start": START - 10 * MINUTE + 4_000, "limit": 2}, [-9, -10]),
        ({"start": START - 10 * MINUTE, "end": START - 8 * MINUTE}, [-8, -9, -10]),
        ({"start": START - 10 * MINUTE, "end": START, "limit": 2}, [0, -1]),
        ({"end": START - 3 * MINUTE, "limit": 1}, [-3]),
        ({"limit": 3}, [0, -1, -2]),
        ({"start": START + 5 * MINUTE}, []),
        ({"start": 9999, "limit": 1}, [-120]),
    ],
)
async def test_the_window_of_klines(sandbox, query, expected):
    body = await sandbox.get(KLINE, symbol="BTCUSDT", interval="1", **query)
    assert [(int(row[0]) - START) // MINUTE for row in body["result"]["list"]] == expected


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("kline", {"category": "linear", "symbol": "NOSUCH", "interval": "1"}, "params error: symbol invalid"),
        ("kline", {"category": "spot", "symbol": "NOSUCH", "interval": "1"}, "Not supported symbols"),
        ("kline", {"symbol": "BTCUSDT", "interval": "7"}, "Invalid period!"),
        ("kline", {"symbol": "BTCUSDT", "interval": "1", "start": "soon"}, "params error: start invalid"),
        ("recent-trade", {"symbol": "BTCUSDT"}, "params error: category invalid"),
        ("instruments-info", {"category": "linear", "symbol": "NOSUCH"}, "params error: symbol invalid"),
    ],
)
async def test_business_errors_come_with_status_200_and_code_10001(sandbox, path, query, message):
    body = await sandbox.get(f"/v5/market/{path}", **query)
    assert (body["retCode"], body["retMsg"], body["result"]) == (10001, message, {})


async def test_recent_trades_are_the_newest_first_with_text_times(sandbox):
    sandbox.clock.advance_to(START + 30_000)
    body = await sandbox.get("/v5/market/recent-trade", category="linear", symbol="SEIUSDT", limit=40)
    items = body["result"]["list"]
    expected = sandbox.market.trades("SEIUSDT", START - 60 * MINUTE, START + 30_000)[-40:]
    assert [item["execId"] for item in items] == [trade.trade_id for trade in reversed(expected)]
    assert [int(item["time"]) for item in items] == [trade.event_time for trade in reversed(expected)]
    assert all(isinstance(item["seq"], str) for item in items)
    spot = await sandbox.get("/v5/market/recent-trade", category="spot", symbol="BTCUSDT", limit=1000)
    assert len(spot["result"]["list"]) == 60


async def test_instruments_are_paged_on_linear_and_not_on_spot(sandbox):
    path, seen, cursor = "/v5/market/instruments-info", [], ""
    while True:
        result = (await sandbox.get(path, category="linear", limit=4, cursor=cursor))["result"]
        seen += [item["symbol"] for item in result["list"]]
        cursor = result["nextPageCursor"]
        if not cursor:
            break
    assert seen == list(sandbox.market.listings)
    spot = (await sandbox.get(path, category="spot", limit=4))["result"]
    assert len(spot["list"]) == 9
    assert "nextPageCursor" not in spot
    assert (await sandbox.get(path, category="spot", symbol="NOSUCH"))["result"]["list"] == []
    assert (await sandbox.get(path, category="inverse"))["result"]["list"] == []


async def test_an_answer_can_be_half_of_its_json(sandbox):
    await sandbox.fault(rest_truncate={"value": True, "times": 1})
    async with sandbox.http.get(sandbox.at.rest_url + "/v5/market/time") as response:
        assert response.status == 200
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            json.loads(await response.text())
    assert (await sandbox.get("/v5/market/time"))["retCode"] == 0


async def test_a_connection_can_end_without_an_answer(sandbox):
    await sandbox.fault(rest_swallow=True)
    with pytest.raises(aiohttp.ClientError):
        await sandbox.get("/v5/market/time")
    await sandbox.fault(rest_swallow=None)
    assert (await sandbox.get("/v5/market/time"))["retCode"] == 0


async def test_an_answer_can_wait_for_market_time(sandbox):
    await sandbox.fault(rest_slow=5_000)
    asking = asyncio.create_task(sandbox.get("/v5/market/time"))
    await sandbox.sleeper_until(START + 5_000)
    assert not asking.done()
    sandbox.clock.advance_to(START + 5_000)
    assert (await asking)["time"] == START


async def test_a_wrong_kline_of_one_minute_is_corrected_and_its_neighbours_are_right(sandbox):
    sandbox.clock.advance_to(START + MINUTE)
    query = {"symbol": "BTCUSDT", "interval": "1", "end": START, "limit": 4}
    right = (await sandbox.get(KLINE, **query | {"interval": "5", "limit": 1}))["result"]["list"]
    await sandbox.fault(kline_wrong={"value": 1, "times": 2})
    first, second = [(await sandbox.get(KLINE, **query))["result"]["list"] for _ in range(2)]
    assert [one != two for one, two in zip(first, second, strict=True)] == [False, False, True, True]
    assert Decimal(first[3][4]) - Decimal(second[3][4]) == sandbox.market.listings["BTCUSDT"].tick
    assert (await sandbox.get(KLINE, **query | {"interval": "5", "limit": 1}))["result"]["list"] == right
