"""The live market: the clock in, every connection's frames in the order of the venue's time out.

One pump serves all connections. Before it answers a ping or a subscription a connection asks the pump to catch up with
the clock, so that an answer never overtakes a trade that was made before it.

**Opening.** The market opens by itself when the clock passes its start, or, told to wait, with the first subscription.
A clock that stands at the start until then (a scaled clock with its beginning in the future) is set going by the
`on_first_subscription` callback: only the composing code knows the clock, and all services must share it. If the clock
did run on meanwhile, the market opens at the clock's time; what was before is history, never a burst.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import Protocol

from services.sandbox.bybit_frames import TradeFrames, orders
from services.sandbox.market import Market
from shared.domain.trade import Trade
from shared.ports import Clock

_PUMP_MILLIS = 10  # of the machine


class Listener(Protocol):
    """One connection."""

    @property
    def category(self) -> str:
        """``linear``, ``spot`` or ``inverse``."""
        ...

    def offer(self, text: str, trades: int) -> None:
        """Take a frame that holds so many trades; never waits."""
        ...


class LiveStream:
    """Sends the market's trades as time passes.

    Args:
        clock: Market time.
        market: Where trades come from.
        speed: Market milliseconds per millisecond of the machine: how much market time one turn of the pump covers.
        end: No trade is made at or after this time (ms UTC); None for never.
        wait_for_client: Open with the first subscription instead of with the clock.
        on_first_subscription: Called once, when the first topic is confirmed.
    """

    def __init__(
        self,
        clock: Clock,
        market: Market,
        *,
        speed: float = 1.0,
        end: int | None = None,
        wait_for_client: bool = False,
        on_first_subscription: Callable[[], None] | None = None,
    ) -> None:
        self._clock = clock
        self._market = market
        self._pause = max(1, round(_PUMP_MILLIS * speed))
        self._end = end
        self._opened = False
        self._waits = wait_for_client
        self._on_first_subscription = on_first_subscription
        self._cursor = market.start
        self._subscriptions: dict[str, dict[Listener, None]] = {symbol: {} for symbol in market.listings}
        self._frames: dict[str, TradeFrames] = {}
        # A frame is made 1 to 3 ms after its trades; constant per symbol, so that its frames keep their order.
        self._lags = {symbol: 1 + number % 3 for number, symbol in enumerate(market.listings)}
        if not wait_for_client:
            self.open()

    @property
    def is_open(self) -> bool:
        """Whether trades are being made."""
        return self._opened and self._clock.now() >= self._market.start

    def now(self) -> int:
        """The venue's time, ms UTC: the clock's, but not past the start until the market has opened."""
        now = self._clock.now()
        return now if self._opened else min(now, self._market.start)

    def known_to(self) -> int:
        """Trades before this time have been made, ms UTC."""
        now = self.now()
        return now if self._end is None else min(now, self._end)

    def open(self) -> None:
        """Begin to trade, at the market's start or at the clock's time if that is later."""
        if not self._opened:
            self._opened = True
            self._cursor = max(self._market.start, self._clock.now())

    def subscribe(self, listener: Listener, symbols: list[str]) -> None:
        """From now on `listener` gets the trades of `symbols`."""
        self.catch_up()
        for symbol in symbols:
            self._subscriptions[symbol][listener] = None
        callback, self._on_first_subscription = self._on_first_subscription, None
        if callback is not None:
            callback()
        if self._waits:
            self.open()

    def unsubscribe(self, listener: Listener, symbols: list[str]) -> None:
        """No more trades of `symbols` for `listener`; unknown ones do no harm."""
        for symbol in symbols:
            self._subscriptions.get(symbol, {}).pop(listener, None)

    def latest(self, symbol: str, count: int) -> list[Trade]:
        """The last `count` trades before now, oldest first."""
        end = self.known_to()
        found: list[Trade] = []
        while len(found) < count and end > self._market.history_start:
            start = (end - 1) // 60_000 * 60_000
            found = [*self._market.trades(symbol, start, end), *found]
            end = start
        return found[-count:]

    def render(self, category: str, order: list[Trade], time: int) -> str:
        """A frame's text."""
        if category not in self._frames:
            self._frames[category] = TradeFrames(category, self._market.listings)
        return self._frames[category].text(order, time)

    def catch_up(self) -> None:
        """Hand every frame that is due to its listeners."""
        now = self.now()
        if not self._opened or now <= self._cursor:
            return
        due = [self._due(symbol, now) for symbol, listeners in self._subscriptions.items() if listeners]
        for time, symbol, order in heapq.merge(*due, key=lambda frame: frame[0]):
            texts: dict[str, str] = {}
            for listener in list(self._subscriptions[symbol]):
                if listener.category not in texts:
                    texts[listener.category] = self.render(listener.category, order, time)
                listener.offer(texts[listener.category], len(order))
        self._cursor = now

    async def run(self) -> None:
        """Keep up with the clock until cancelled."""
        while True:
            self.catch_up()
            await self._clock.sleep(self._pause)

    def _due(self, symbol: str, now: int) -> Iterator[tuple[int, str, list[Trade]]]:
        """Frames of a symbol whose time lies in ``[cursor, now)``: frame time, symbol, trades."""
        lag = self._lags[symbol]
        last = now - lag if self._end is None else min(now - lag, self._end)
        for order in orders(self._market.trades(symbol, max(self._cursor - lag, self._market.start), last)):
            yield order[0].event_time + lag, symbol, order
