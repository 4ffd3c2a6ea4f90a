"""Candles in, entries out: what every strategy over an RSI window has in common; its rule is what makes it one."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.candle import Candle
from shared.strategies.explanation import Explanation
from shared.strategies.rsi_parameters import RsiParameters
from shared.strategies.rsi_window import RsiWindow, Series, warm_up_candles
from shared.strategies.strategy import Entry, make_fingerprint

Rule = Callable[[RsiWindow, Candle], Entry | None]
Explainer = Callable[[Series, int], tuple[Explanation, ...]]


class RsiStrategy:
    """A `Strategy`: remembers a window of candles with their RSI, and asks its rule once it is warm.

    Args:
        name: The file's name.
        parameters: The strategy's own, with ``rsi_period``; part of the fingerprint.
        shape: Version of the snapshot; one more whenever an older snapshot could not be taken over.
        reach: Candles the rule looks back, the newest included.
        rule: The entry on the newest candle of the window, if any. It must not remember anything.
        explain: The gates of each direction on the candle at an index; it finds an entry where the rule does.
    """

    def __init__(
        self,
        *,
        name: str,
        parameters: RsiParameters,
        shape: int,
        reach: int,
        rule: Rule,
        explain: Explainer,
    ) -> None:
        self.name = name
        self.fingerprint = make_fingerprint(name, shape, parameters)
        self.warm_up = warm_up_candles(parameters.rsi_period, reach)
        self.exits = parameters.exits
        self.protections = parameters.protections
        self._window = RsiWindow(parameters.rsi_period, reach, parameters.atr_period if parameters.needs_atr else 0)
        self._rule = rule
        self._explain = explain

    @property
    def seen(self) -> int:
        """Candles seen so far."""
        return self._window.seen

    def on_candle(self, candle: Candle) -> Entry | None:
        """Take the next candle; the entry that the rule finds on it."""
        self._window.take(candle)
        return None if self._window.seen < self.warm_up else self._rule(self._window, candle)

    def explain(self) -> tuple[Explanation, ...]:
        """Each direction on the newest candle taken; empty while the strategy is not warm."""
        return () if self._window.seen < self.warm_up else self._explain(self._window.series, self._window.last)

    def snapshot(self) -> dict[str, Any]:
        """The whole memory as plain JSON values."""
        return self._window.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a memory that `snapshot` gave."""
        self._window.restore(state)
