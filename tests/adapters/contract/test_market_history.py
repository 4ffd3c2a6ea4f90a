"""What every `MarketHistory` promises, shown over each exchange adapter that has one, against the sandbox's venues."""

from itertools import pairwise

import pytest

from services.sandbox.generated_market import GeneratedMarket
from shared.adapters import loader
from shared.domain.candle import CandleSource
from shared.domain.timeframe import Timeframe
from shared.errors import Refused, Unavailable
from shared.ports import MarketHistory
from tests.makers import MINUTE, START
from tests.services.sandbox.conftest import running

NOW = START + 7 * MINUTE + 30_000
OPTIONS = {"bybit": {}, "kraken": {"pause": 0}}  # what an adapter needs besides the address
WITHOUT_HISTORY = {"recorded"}  # a feed only


@pytest.fixture(params=[name for name in loader.names("exchanges") if name not in WITHOUT_HISTORY])
async def venue(request):
    """The adapter and the sandbox it speaks to, seven and a half minutes after the start."""
    async with running(GeneratedMarket(seed=7, start=START, history=400, symbols=("BTCUSDT", "DOGEUSDT"))) as sandbox:
        sandbox.clock.advance_to(NOW)
        module = loader.load("exchanges", request.param)
        made = module.create(module.Options(rest_url=sandbox.at.rest_url, **OPTIONS[request.param]), sandbox.clock)
        yield made, sandbox
        await made.close()


async def test_candles_are_over_complete_contiguous_and_the_venues_own(venue):
    exchange, _ = venue
    assert isinstance(exchange, MarketHistory)
    for timeframe in (Timeframe.M1, Timeframe.M5, Timeframe.H1):
        start = timeframe.floor(START - 5 * timeframe.millis)
        candles = await exchange.candles("BTCUSDT", timeframe, start, NOW + timeframe.millis)
        assert candles[0].open_time == start
        assert candles[-1].close_time == timeframe.floor(NOW)
        assert all(right.open_time - left.open_time == timeframe.millis for left, right in pairwise(candles))
        shared = {(c.exchange, c.symbol, c.timeframe, c.source, c.complete) for c in candles}
        assert shared == {(exchange.exchange, "BTCUSDT", timeframe, CandleSource.EXCHANGE, True)}


@pytest.mark.parametrize("symbol", ["BTCUSDT", "DOGEUSDT"])
async def test_prices_and_quantities_are_those_of_the_trades(venue, symbol):
    exchange, sandbox = venue
    for candle in await exchange.candles(symbol, Timeframe.M1, START, START + 5 * MINUTE):
        trades = [t for t in sandbox.market.trades(symbol, candle.open_time, candle.close_time) if not t.is_block]
        assert candle.close == trades[-1].price
        assert candle.quantity == sum(trade.quantity for trade in trades)
        assert candle.high >= max(trade.price for trade in trades)
        assert candle.low <= min(trade.price for trade in trades)
        turnover = sum(trade.price * trade.quantity for trade in trades)
        assert abs(candle.turnover / turnover - 1) < 1e-3


async def test_only_what_was_asked_for_comes(venue):
    exchange, _ = venue
    asked = range(START - 10 * MINUTE, START - 7 * MINUTE, MINUTE)
    found = await exchange.candles("BTCUSDT", Timeframe.M1, asked.start, asked.stop)
    assert [candle.open_time for candle in found] == list(asked)
    assert await exchange.candles("BTCUSDT", Timeframe.M1, START, START) == []


async def test_what_is_not_over_or_not_yet_known_is_absent(venue):
    exchange, _ = venue
    assert await exchange.candles("BTCUSDT", Timeframe.M1, Timeframe.M1.floor(NOW), NOW + 60 * MINUTE) == []


async def test_an_unknown_symbol_is_refused_by_name(venue):
    exchange, _ = venue
    with pytest.raises(Refused) as refusal:
        await exchange.candles("NOSUCHUSDT", Timeframe.M1, START, NOW)
    assert refusal.value.reason == "not_found"


async def test_the_symbols_that_trade_are_listed_in_our_spelling(venue):
    exchange, _ = venue
    assert await exchange.symbols() == {"BTCUSDT", "DOGEUSDT"}


async def test_a_venue_that_is_away_is_unavailable(venue):
    exchange, sandbox = venue
    module = loader.load("exchanges", exchange.exchange.partition("-")[0])
    away = module.create(module.Options(rest_url="http://127.0.0.1:1"), sandbox.clock)
    with pytest.raises(Unavailable, match="cannot reach"):
        await away.candles("BTCUSDT", Timeframe.M1, START, NOW)
    await away.close()
