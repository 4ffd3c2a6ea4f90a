"""Open times in, a strategy that enters exactly there out: for tests of the machines around strategies."""

from shared.domain.exit_rules import ExitRules, ProtectionRules
from shared.domain.signal import Side
from shared.strategies.strategy import Entry


class ScriptedStrategy:
    """Enters at the candles named; levels one price unit around the close. Remembers what it has seen."""

    name = "scripted"
    exits = ExitRules(targets=1, break_even_after=0, trailing_stop_pct=0.0, time_stop=0)
    protections = ProtectionRules(cooldown=0, guard_stops=0, guard_pause=0)

    def __init__(self, sides=None, warm_up=0, fingerprint="scripted-1"):
        self._sides = sides or {}
        self.warm_up = warm_up
        self.fingerprint = fingerprint
        self.times = []

    @property
    def seen(self):
        return len(self.times)

    def on_candle(self, candle):
        self.times.append(candle.open_time)
        side = self._sides.get(candle.open_time)
        if side is None or self.seen < self.warm_up:
            return None
        direction = 1 if side is Side.LONG else -1
        price = float(candle.close)
        return Entry(side, price, price + direction, price - direction, {"why": "scripted", "price_decimals": 2})

    def snapshot(self):
        return {"times": list(self.times)}

    def restore(self, state):
        self.times = list(state["times"])
