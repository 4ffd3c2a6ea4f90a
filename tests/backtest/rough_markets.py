"""Seeds in, candles of rough markets out (holes, incomplete candles, minutes without trades); and any set of rules."""

from contextlib import contextmanager
from dataclasses import replace
from random import Random

import pytest
from hypothesis import strategies as st

from services.cli.parts.backtest_strategy import names
from shared.backtest import compiled
from shared.backtest.numeric_strategy import numeric
from shared.domain.book import Book
from shared.messages.codec import from_json, to_json
from tests.strategies.markets import walk

NAMES = names()
LEAST_TO_WARM = 250

# Entries come often: the rules around them are what is tested.
EAGER = {"oversold": 45, "overbought": 55, "volume_factor": 0.5}
EVERY_RULE = EAGER | {
    "take_profit_atr": 2.0, "stop_loss_atr": 1.5, "atr_period": 7, "targets": 3, "break_even_after": 2,
    "trailing_stop_pct": 0.5, "time_stop": 20, "cooldown": 5, "guard_stops": 2, "guard_pause": 15,
}  # fmt: skip

rule_sets = st.fixed_dictionaries(
    {
        "rsi_period": st.integers(2, 13),
        "oversold": st.floats(30, 50),
        "overbought": st.floats(50, 70),
        "volume_period": st.integers(1, 30),
        "volume_factor": st.floats(0, 1.5),
        "take_profit_pct": st.floats(0.05, 2),
        "stop_loss_pct": st.floats(0.05, 2),
        "take_profit_atr": st.sampled_from([0.0, 1.0, 2.5]),
        "stop_loss_atr": st.sampled_from([0.0, 0.7, 3.0]),
        "atr_period": st.integers(1, 30),
        "targets": st.integers(1, 3),
        "break_even_after": st.integers(0, 3),
        "trailing_stop_pct": st.sampled_from([0.0, 0.1, 0.7]),
        "time_stop": st.sampled_from([0, 1, 15]),
        "cooldown": st.sampled_from([0, 1, 10]),
        "guard_stops": st.integers(0, 3),
        "guard_pause": st.sampled_from([0, 1, 40]),
        "pivot_left": st.integers(1, 8),
        "pivot_right": st.integers(1, 4),
        "min_distance": st.integers(1, 6),
        "max_distance": st.integers(6, 70),
        "min_rsi_difference": st.sampled_from([0.0, 1.0]),
        "min_price_difference_pct": st.sampled_from([0.0, 0.05]),
    }
)
seeds = st.integers(0, 2**32)


def chosen(name, values):
    """The strategy with those of the values it knows."""
    known = vars(numeric(name, {}).parameters)
    return numeric(name, {key: value for key, value in values.items() if key in known})


def rough(seed, minutes=1_100):
    """A random walk with holes and incomplete candles, mostly far enough apart for a strategy to warm up between."""
    random = Random(seed)  # noqa: S311 - a market, no secret
    candles = walk(seed, minutes, deviation=random.choice([0.001, 0.003]), idle=random.choice([0.0, 0.05, 0.6]))
    for _ in range(random.randrange(4)):
        place = random.choice([random.randrange(minutes), random.randrange(10), minutes - random.randrange(1, 10)])
        length = random.choice([1, 1, 2, 7])
        if random.random() < 0.5:
            gone = set(range(place, place + length))
            candles = [candle for number, candle in enumerate(candles) if number not in gone]
        else:
            for number in range(place, min(place + length, len(candles))):
                candles[number] = replace(candles[number], complete=False)
    return [replace(candle, looks=()) for candle in candles]


def through_json(book):
    """A book as a store gives it back."""
    return from_json(to_json(book), Book)


@contextmanager
def plain():
    """Within it nothing is compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_numba", lambda: None)
        yield
