"""Minutes in, the venue's own candles of them in the store and on the bus out."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from services.backfiller.holes import spans
from shared.domain.candle import Candle, CandleSource
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import Refused
from shared.messages.catalog import CANDLES
from shared.messages.codec import encode
from shared.ports import Bus, CandleStore, MarketHistory, Message
from shared.runtime import metrics

logger = logging.getLogger(__name__)

_BATCH = 200  # messages in one call of the bus


@dataclass(frozen=True, slots=True)
class Filled:
    """Open times that are complete in the store now, and the candles that changed it."""

    complete: frozenset[int]
    changed: tuple[Candle, ...]


class Filler:
    """Replaces what is missing or incomplete by the venue's klines. Repeating a call does no harm."""

    def __init__(self, history: MarketHistory, store: CandleStore, bus: Bus) -> None:
        self._history = history
        self._store = store
        self._bus = bus
        self.refused: dict[str, str] = {}
        """Symbols of which the venue gives no candles, with its words."""

    async def listed(self, symbol: str, start: int, end: int) -> list[Candle]:
        """The venue's own candles of a span (ms UTC, `end` exclusive).

        Raises:
            Unavailable: The venue is away; ask again.
            Refused: The venue does not know the symbol, or refuses this address.
        """
        try:
            found = await self._history.candles(symbol, Timeframe.M1, start, end)
        except Refused as error:
            if symbol not in self.refused:
                logger.warning("the venue refuses a symbol", extra={"symbol": symbol, "reason": str(error)})
            self.refused[symbol] = str(error)
            raise
        self.refused.pop(symbol, None)
        return found

    async def fill(self, symbol: str, open_times: Sequence[int]) -> Filled:
        """Ask the venue for these minutes and store what is better than what is there.

        Raises:
            Unavailable: The venue or the store is away; ask again.
            Refused: The venue does not know the symbol, or refuses this address.
        """
        complete: set[int] = set()
        changed: list[Candle] = []
        for start, end in spans(open_times):
            listed = await self.listed(symbol, start, end)
            stored = await self._stored(symbol, start, end)
            better = [_next(candle, stored.get(candle.open_time)) for candle in listed]
            changed += await self._write([candle for candle in better if candle is not None])
            complete |= {candle.open_time for candle in listed}
            complete |= {open_time for open_time, candle in stored.items() if candle.complete}
        return Filled(frozenset(complete), tuple(changed))

    async def publish(self, symbol: str, open_times: Iterable[int]) -> None:
        """Publish the venue's candles the store has for these minutes.

        Read back from the store, so that a call cut short between storing and publishing is mended by repeating it.
        """
        wanted = frozenset(open_times)
        messages: list[Message] = []
        for start, end in spans(wanted):
            stored = await self._stored(symbol, start, end)
            messages += [
                _message(candle)
                for open_time, candle in stored.items()
                if open_time in wanted and candle.complete and candle.source is CandleSource.EXCHANGE
            ]
        for first in range(0, len(messages), _BATCH):
            await self._bus.publish(CANDLES.topic, messages[first : first + _BATCH])

    async def _write(self, candles: Sequence[Candle]) -> list[Candle]:
        """Store candles hour by hour, the oldest first.

        Whoever reads meanwhile must not see the newer part of a long heal before the older one: a hole with enough
        candles behind it counts as given up (see `shared.engine.candle_sequence`), and a store may write a batch in any
        order.
        """
        changed: list[Candle] = []
        for _, hour in groupby(candles, lambda candle: Timeframe.H1.floor(candle.open_time)):
            changed += await self._store.write(list(hour))
        metrics.CANDLES_HEALED.inc(len(changed))
        return changed

    async def _stored(self, symbol: str, start: int, end: int) -> dict[int, Candle]:
        instrument = Instrument(self._history.exchange, symbol)
        candles = await self._store.read(instrument, Timeframe.M1, start, end)
        return {candle.open_time: candle for candle in candles}


def _next(listed: Candle, stored: Candle | None) -> Candle | None:
    if stored is None:
        return listed
    return None if stored.complete else replace(listed, revision=stored.revision + 1)


def _message(candle: Candle) -> Message:
    place = f"{candle.exchange}/{candle.symbol}/{candle.timeframe}/{candle.open_time}"
    return encode(CANDLES, candle, message_id=f"{place}/{candle.revision}/{candle.complete:d}", trace=place)
