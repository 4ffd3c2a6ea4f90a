"""Markets for the tests of the backtest: arrays by hand, and a walk with enough trades to judge."""

from random import Random

import numpy as np

from shared.backtest.candle_arrays import CandleArrays
from shared.backtest.kernel import Records
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from tests.makers import EXCHANGE, MINUTE, START

COLUMNS = (
    "opened_at",
    "closed_at",
    "direction",
    "entry",
    "take_profit",
    "stop_loss",
    "exit",
    "code",
    "ambiguous",
    "gain_pct",
)


def arrays(closes, symbol="BTCUSDT", start=START, minutes=None):
    """Candles with these closes; `minutes` says where they lie, one after the other unless given."""
    values = np.asarray(closes, dtype=np.float64)
    places = np.arange(len(values)) if minutes is None else np.asarray(minutes)
    return CandleArrays(
        instrument=Instrument(EXCHANGE, symbol),
        timeframe=Timeframe.M1,
        open_times=(start + places * MINUTE).astype(np.int64),
        opens=values,
        highs=values,
        lows=values,
        closes=values,
        quantities=np.ones(len(values)),
        traded=np.ones(len(values), dtype=np.bool_),
        complete=np.ones(len(values), dtype=np.bool_),
    )


def records(*positions, stop_pct=1.0):
    """Columns of positions given as ``(opened_at, closed_at, direction, entry, gain_pct)``; take profit 2 % away."""
    rows = [
        (
            opened_at,
            closed_at,
            direction,
            entry,
            entry * (1 + 0.02 * direction),
            entry * (1 - stop_pct / 100 * direction),
            entry * (1 + gain / 100 * direction),
            2 if gain > 0 else 3,
            False,
            gain,
        )
        for opened_at, closed_at, direction, entry, gain in positions
    ]
    whole = {"opened_at", "closed_at", "direction", "code"}
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    kinds = [np.int64 if name in whole else np.bool_ if name == "ambiguous" else np.float64 for name in COLUMNS]
    return Records(*(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)))


def busy_walk(count=6_000, seed=3, symbol="BTCUSDT"):
    """A random walk with bursts of volume in which the default strategy trades now and then."""
    rng = Random(seed)  # noqa: S311 - a market, no secret
    price, closes, highs, lows, quantities = 100.0, [], [], [], []
    for _ in range(count):
        before = price
        price *= 1 + rng.gauss(0, 0.003)
        closes.append(price)
        highs.append(max(before, price) * (1 + abs(rng.gauss(0, 0.001))))
        lows.append(min(before, price) * (1 - abs(rng.gauss(0, 0.001))))
        quantities.append(rng.expovariate(1.0))
    plain = arrays(closes, symbol)
    return CandleArrays(
        plain.instrument,
        plain.timeframe,
        plain.open_times,
        np.array([closes[0], *closes[:-1]]),
        np.array(highs),
        np.array(lows),
        plain.closes,
        np.array(quantities),
        plain.traded,
        plain.complete,
    )
