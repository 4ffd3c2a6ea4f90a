"""Signals and candles of one lifelike trade, for the tests of messages and charts."""

import math
import random
from dataclasses import replace
from decimal import Decimal

from shared.domain.candle import Candle
from shared.domain.signal import ExitReason, Signal, SignalKind
from tests.makers import MINUTE, START, make_candle, make_signal

WHY = "Bullish divergence: price made a lower low, RSI 22.4 → 31.8; volume 2.6 times its mean"
FIRST_PIVOT, SECOND_PIVOT = START + 70 * MINUTE, START + 95 * MINUTE
ENTRY_OPEN = START + 97 * MINUTE


def make_walk(count: int = 160, seed: int = 5, base: float = 64_000.0) -> list[Candle]:
    """Candles with two lows at the pivots and a rise after the second."""
    rng = random.Random(seed)  # noqa: S311  # a walk that is the same every time
    price, candles = base, []
    for index in range(count):
        dip = math.exp(-(((index - 70) / 6) ** 2)) * 330 + math.exp(-(((index - 95) / 5) ** 2)) * 420
        close = base - dip + rng.gauss(0, 32) + max(0, index - 98) * 14
        high, low = max(price, close) + abs(rng.gauss(0, 24)), min(price, close) - abs(rng.gauss(0, 24))
        quantity = rng.lognormvariate(2, 0.5) * (4.5 if index == 95 else 1)
        prices = {"open": price, "high": high, "low": low}
        texts = {name: f"{value:.1f}" for name, value in prices.items()}
        candles.append(make_candle(START + index * MINUTE, f"{close:.1f}", quantity=f"{quantity:.3f}", **texts))
        price = close
    return candles


def make_trade(candles: list[Candle], closed: bool = True) -> list[Signal]:
    """Entry, update and (when closed) exit of a long trade on these candles, with its decision record."""
    by_time = {candle.open_time: candle for candle in candles}
    entry_price = float(by_time[ENTRY_OPEN].close)
    rsi = [50 + 18 * math.sin(index / 9) for index in range(98)]
    rsi[70], rsi[95] = 22.4, 31.8
    decision = {
        "rule": "rsi_divergence",
        "why": WHY,
        "rsi": 38.2,
        "pivots": [
            {"open_time": time, "price": float(by_time[time].low), "rsi": value}
            for time, value in ((FIRST_PIVOT, 22.4), (SECOND_PIVOT, 31.8))
        ],
        "spike": {"open_time": SECOND_PIVOT, "quantity": 40.1, "mean": 8.4, "ratio": 4.77},
        "rsi_series": {"first_open_time": START + 14 * MINUTE, "values": rsi[14:]},
        "parameters": {"oversold": 25, "overbought": 75},
        "price_decimals": 1,
    }
    levels = {"take_profit": entry_price * 1.011, "stop_loss": entry_price * 0.993, "entry_price": entry_price}
    entry = make_signal(open_time=ENTRY_OPEN, price=entry_price, decision=decision, **levels)
    update = replace(entry, kind=SignalKind.UPDATE, revision=1, price=entry_price * 1.004, pnl_pct=0.4)
    update = replace(update, time=entry.time + 9 * MINUTE, open_time=ENTRY_OPEN + 9 * MINUTE, decision={})
    leave = replace(update, kind=SignalKind.EXIT, revision=2, price=levels["take_profit"], pnl_pct=1.1)
    leave = replace(leave, reason=ExitReason.TAKE_PROFIT, time=entry.time + 42 * MINUTE)
    return [entry, update, replace(leave, open_time=ENTRY_OPEN + 42 * MINUTE)] if closed else [entry, update]


def scaled(candles: list[Candle], factor: str) -> list[Candle]:
    """The same candles at another height of price."""
    by = Decimal(factor)
    return [replace(c, open=c.open * by, high=c.high * by, low=c.low * by, close=c.close * by) for c in candles]
