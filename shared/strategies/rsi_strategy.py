"""Candles in, entries out: what every strategy over an RSI window has in common; its rule is what makes it one."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.candle import Candle
from shared.strategies.rsi_window import RsiWindow, warm_up_candles
from shared.strategies.strategy import Entry, make_fingerprint

Rule = Callable[[RsiWindow, Candle], Entry | None]


class RsiStrategy:
    """A `Strategy`: remembers a window of candles with their RSI, and asks its rule once it is warm.

    Args:
        name: The file's name.
        parameters: The strategy's own (a dataclass); part of the fingerprint.
        shape: Version of the snapshot; one more whenever an older snapshot could not be taken over.
        rsi_period: Period of Wilder's RSI, candles.
        reach: Candles the rule looks back, the newest included.
        rule: The entry on the newest candle of the window, if any. It must not remember anything.
    """

    def __init__(self, *, name: str, parameters: Any, shape: int, rsi_period: int, reach: int, rule: Rule) -> None:
        self.name = name
        self.fingerprint = make_fingerprint(name, shape, parameters)
        self.warm_up = warm_up_candles(rsi_period, reach)
        self._window = RsiWindow(rsi_period, reach)
        self._rule = rule

    @property
    def seen(self) -> int:
        """Candles seen so far."""
        return self._window.seen

    def on_candle(self, candle: Candle) -> Entry | None:
        """Take the next candle; the entry that the rule finds on it."""
        self._window.take(candle)
        return None if self._window.seen < self.warm_up else self._rule(self._window, candle)

    def snapshot(self) -> dict[str, Any]:
        """The whole memory as plain JSON values."""
        return self._window.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a memory that `snapshot` gave."""
        self._window.restore(state)
