"""What strategies over an RSI window share: they keep still until they are warm, and remember bit by bit."""

import json
from dataclasses import dataclass

from shared.domain.signal import Side
from shared.strategies.rsi_parameters import RsiParameters
from shared.strategies.rsi_strategy import RsiStrategy
from shared.strategies.strategy import Entry
from tests.makers import MINUTE, START, make_candle


@dataclass(frozen=True)
class Knobs(RsiParameters):
    reach: int = 3


def always(window, candle):
    """A rule that enters on every candle it is asked about, and records what it was shown."""
    return Entry(Side.LONG, float(candle.close), 2.0, 1.0, {"rsi": window.rsis[-1]})


def nothing(*_):
    """No gates."""
    return ()


def strategy(rule=always, knobs=None):
    knobs = knobs or Knobs()
    return RsiStrategy(name="always", parameters=knobs, shape=1, reach=knobs.reach, rule=rule, explain=nothing)


def feed(strategy, first, count):
    closes = (100 + (n * 7919) % 13 for n in range(first, first + count))
    return [strategy.on_candle(make_candle(START + n * MINUTE, str(close))) for n, close in enumerate(closes, first)]


def test_the_rule_is_not_asked_before_the_strategy_is_warm():
    made = strategy()
    entries = feed(made, 0, made.warm_up + 2)
    assert [entry is not None for entry in entries] == [False] * (made.warm_up - 1) + [True] * 3
    assert made.seen == made.warm_up + 2


def test_a_memory_that_went_through_json_goes_on_as_if_nothing_had_happened():
    steady, interrupted = strategy(), strategy()
    feed(steady, 0, 300)
    feed(interrupted, 0, 300)
    restored = strategy()
    restored.restore(json.loads(json.dumps(interrupted.snapshot())))
    assert feed(restored, 300, 20) == feed(steady, 300, 20)


def test_other_parameters_have_another_fingerprint():
    assert strategy().fingerprint == strategy().fingerprint
    assert strategy().fingerprint != strategy(knobs=Knobs(reach=4)).fingerprint
