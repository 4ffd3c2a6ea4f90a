"""The sandbox's Kraken: the same market as its Bybit, in the shapes that were recorded at the venue."""

import json
from decimal import Decimal

import pytest

from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.market import MINUTE
from tests.makers import START, make_trade, recorded

OHLC = "/0/public/OHLC"
FIVE = 5 * MINUTE


async def ohlc(sandbox, **query):
    body = await sandbox.get(OHLC, **({"pair": "XBTUSDT", "interval": 5} | query))
    assert body["error"] == []
    [pair] = [key for key in body["result"] if key != "last"]
    return body["result"][pair], body["result"]["last"]


def brute_force(market, symbol, start, end):
    """A bar from all its trades, by the plainest loop."""
    trades = [trade for trade in market.trades(symbol, start, end) if not trade.is_block]
    prices = [trade.price for trade in trades]
    return [prices[0], max(prices), min(prices), prices[-1], sum(trade.quantity for trade in trades), len(trades)]


@pytest.mark.parametrize(("pair", "symbol"), [("XBTUSDT", "BTCUSDT"), ("XDGUSDT", "DOGEUSDT"), ("SEIUSDT", "SEIUSDT")])
async def test_bars_equal_bars_made_of_every_trade_and_open_at_their_own_first(sandbox, pair, symbol):
    now = START + 7 * MINUTE + 20_500
    sandbox.clock.advance_to(now)
    rows, last = await ohlc(sandbox, pair=pair)
    assert len(rows) == (now - sandbox.market.history_start) // FIVE + 1
    assert last * 1000 == START == rows[-2][0] * 1000
    for row in rows[-4:]:
        end = min(row[0] * 1000 + FIVE, now)
        expected = brute_force(sandbox.market, symbol, row[0] * 1000, end)
        assert [*map(Decimal, row[1:5]), Decimal(row[6]), row[7]] == expected
        assert Decimal(row[3]) <= Decimal(row[5]) <= Decimal(row[2])


async def test_a_row_has_the_shape_of_the_recorded_one(sandbox):
    recording = json.loads(recorded("rest", "kraken_public_OHLC_XBTUSDT_1m_2025-11-10.json").read_bytes())
    rows, _ = await ohlc(sandbox, interval=1)
    [theirs] = [value for key, value in recording["result"].items() if key != "last"]
    assert [type(field) for field in rows[0]] == [type(field) for field in theirs[0]]


async def test_since_leaves_out_the_bar_it_names_and_the_forming_one_always_comes(sandbox):
    sandbox.clock.advance_to(START + 11 * MINUTE)
    for since, opens in ((START, [START + FIVE, START + 2 * FIVE]), (START + 9 * FIVE, [START + 2 * FIVE])):
        rows, _ = await ohlc(sandbox, since=since // 1000)
        assert [row[0] * 1000 for row in rows] == opens


async def test_no_more_than_720_bars_are_committed(open_sandbox):
    async with open_sandbox(GeneratedMarket(seed=7, start=START, history=800, symbols=("BTCUSDT",))) as sandbox:
        rows, _ = await ohlc(sandbox, interval=1, since=0)
        assert len(rows) == 721
        assert rows[-1][0] * 1000 == START


async def test_a_minute_without_trades_is_flat_at_the_close_before(open_sandbox):
    from services.sandbox.recorded_market import RecordedMarket  # noqa: PLC0415 -- a market of its own for this test

    market = RecordedMarket([make_trade(START, "100.5", "2"), make_trade(START + 3 * MINUTE, "99.5")], start=START)
    async with open_sandbox(market) as sandbox:
        sandbox.clock.advance_to(START + 4 * MINUTE)
        rows, _ = await ohlc(sandbox, interval=1)
        assert rows[0][1:] == ["100.5", "100.5", "100.5", "100.5", "100.5", "2.00000000", 1]
        assert rows[1][1:] == rows[2][1:] == ["100.5"] * 4 + ["0.0", "0.00000000", 0]
        assert rows[3][1:5] == ["99.5"] * 4


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"pair": "CROUSDT"}, "EQuery:Unknown asset pair"),
        ({"interval": "7"}, "EGeneral:Invalid arguments"),
        ({"since": "soon"}, "EGeneral:Invalid arguments"),
    ],
)
async def test_errors_come_in_a_list_without_a_result(sandbox, query, error):
    assert await sandbox.get(OHLC, **({"pair": "XBTUSDT", "interval": "5"} | query)) == {"error": [error]}


async def test_pairs_and_time(sandbox):
    pairs = (await sandbox.get("/0/public/AssetPairs"))["result"]
    assert {"XBTUSDT", "XDGUSDT", "SUIUSDT"} <= set(pairs)
    assert pairs["XBTUSDT"]["altname"] == "XBTUSDT"
    assert (await sandbox.get("/0/public/AssetPairs", pair="ADAUSDT"))["result"].keys() == {"ADAUSDT"}
    assert await sandbox.get("/0/public/AssetPairs", pair="NOUSDT") == {"error": ["EQuery:Unknown asset pair"]}
    assert (await sandbox.get("/0/public/Time"))["result"] == {"unixtime": START // 1000}


@pytest.mark.parametrize(
    ("kind", "body"), [("busy", {"error": ["EService:Busy"]}), ("garbage", {"error": [], "result": []})]
)
async def test_it_is_hostile_on_demand(sandbox, kind, body):
    await sandbox.fault(kraken_refuse=kind)
    assert await sandbox.get(OHLC, pair="XBTUSDT") == body
