"""Markets and biases for the tests of the macro bias: a seed or a drift in, 5-minute candles out."""

from decimal import Decimal
from random import Random

from shared.domain.candle import Candle
from shared.domain.macro_bias import BiasDirection, MacroBias
from shared.domain.timeframe import Timeframe
from tests.makers import EXCHANGE, START, SYMBOL, make_candle

FIVE = Timeframe.M5.millis
HOUR = Timeframe.H1.millis


def make_bias(open_time: int = START, **fields) -> MacroBias:
    """A LONG bias of confidence 85 on Kraken's candles that holds for four hours."""
    time = fields.setdefault("time", open_time + FIVE)
    fields.setdefault("direction", BiasDirection.LONG)
    fields.setdefault("confidence", 85.0)
    fields.setdefault("expires_at", time + 4 * HOUR)
    return MacroBias(
        source=fields.pop("source", "kraken-spot"),
        exchange=fields.pop("exchange", EXCHANGE),
        symbol=fields.pop("symbol", SYMBOL),
        open_time=open_time,
        score=fields.pop("score", 0.5),
        votes=fields.pop("votes", ()),
        **fields,
    )


def market(count: int, *, drift: float = 0.0, noise: float = 0.0, seed: int = 1, start: int = START) -> list[Candle]:
    """`count` contiguous 5-minute candles from `start`; drift and noise in price units a candle, around 100."""
    random = Random(seed)  # noqa: S311 - a market, no secret
    price, candles = 100.0, []
    for number in range(count):
        opened, price = price, max(1.0, price + drift + random.gauss(0.0, noise))
        high = max(opened, price) + abs(random.gauss(0.0, noise))
        low = max(0.5, min(opened, price) - abs(random.gauss(0.0, noise)))
        texts = {name: f"{value:.4f}" for name, value in (("open", opened), ("high", high), ("low", low))}
        quantity = str(Decimal(random.randint(1, 500)) / 10)
        close = f"{price:.4f}"
        candles.append(make_candle(start + number * FIVE, close, timeframe=Timeframe.M5, quantity=quantity, **texts))
    return candles
