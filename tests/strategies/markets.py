"""Seeds in, candles of an invented market out; and the recorded one."""

from decimal import Decimal
from random import Random

from shared.adapters.candle_files.csv import read
from shared.adapters.wire.candle_rows import CandleReport
from shared.domain.candle import Candle, Look
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, recorded

BTC = Instrument("binance-spot", "BTCUSDT")


def recorded_btc() -> list[Candle]:
    """BTCUSDT, one minute, March 2025: 44,640 candles without a hole."""
    path = recorded("candles", "binance_spot_BTCUSDT_1m_2025-03-01_2025-04-01.csv.gz")
    return list(read(path, instrument=BTC, timeframe=Timeframe.M1, columns=None, report=CandleReport()))


def walk(seed: int, minutes: int, *, deviation: float = 0.002, idle: float = 0.05) -> list[Candle]:
    """A random walk with looks, volume bursts and a share of minutes without trades."""
    random = Random(seed)  # noqa: S311 - a market, no secret
    price, candles = 100.0, []
    for n in range(minutes):
        open_time = START + n * MINUTE
        if random.random() < idle:
            flat = Decimal(f"{price:.4f}")
            candles.append(make_candle(open_time, str(flat), quantity="0", trades=0))
            continue
        looks = []
        path = [price]
        for part in range(4):
            inside = [price := price * (1 + random.gauss(0, deviation / 2)) for _ in range(3)]
            path += inside
            looks.append(
                Look(open_time + (part + 1) * 15_000, Decimal(f"{max(inside):.4f}"), Decimal(f"{min(inside):.4f}"))
            )
        candles.append(
            Candle(
                EXCHANGE,
                SYMBOL,
                Timeframe.M1,
                open_time,
                open=Decimal(f"{path[0]:.4f}"),
                high=Decimal(f"{max(path):.4f}"),
                low=Decimal(f"{min(path):.4f}"),
                close=Decimal(f"{price:.4f}"),
                quantity=Decimal(f"{random.lognormvariate(0, 0.7):.3f}"),
                turnover=Decimal(0),
                trades=12,
                complete=True,
                looks=tuple(looks),
            )
        )
    return candles
