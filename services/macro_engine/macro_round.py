"""A time in, the macro bias of every symbol on the bus out: one round, as the service and the Cloud Function run it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.macro_bias import MacroBias
from shared.domain.timeframe import Timeframe
from shared.engine.macro_calibration import Calibration
from shared.engine.macro_votes import TIMEFRAME, decide, missing, window_start
from shared.engine.roll_up import roll_up
from shared.errors import Refused, Unavailable
from shared.messages.catalog import MACRO_BIAS
from shared.messages.codec import encode
from shared.ports import Bus, CandleStore, MarketHistory, Message
from shared.runtime import metrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round brought.

    Attributes:
        time: End of the candles it was made on, ms UTC.
        biases: What was published, in the order of the symbols.
        without: Symbols for which nothing was published, and why.
        unlisted: Symbols that the venue does not list, in its words; they are judged by our own candles.
        trouble: Why the venue could not be asked; empty when it could.
    """

    time: int
    biases: tuple[MacroBias, ...]
    without: Mapping[str, str]
    unlisted: Mapping[str, str]
    trouble: str


class MacroRound:
    """Judges every symbol once: by the venue's candles, or by our own where the venue has none.

    Args:
        history: The venue; None for our own candles alone.
        store: Has our own.
        bus: Gets the biases.
        exchange: Venue and product of our own candles, whose entries are gated.
        symbols: Compact pairs.
        calibration: From score to confidence.
        ttl: How long a bias holds, ms.
    """

    def __init__(
        self,
        history: MarketHistory | None,
        store: CandleStore,
        bus: Bus,
        *,
        exchange: str,
        symbols: Sequence[str],
        calibration: Calibration,
        ttl: int,
    ) -> None:
        self._history = history
        self._store = store
        self._bus = bus
        self._exchange = exchange
        self._symbols = tuple(symbols)
        self._calibration = calibration
        self._ttl = ttl

    @property
    def source(self) -> str:
        """The venue that is asked first; empty for none."""
        return self._history.exchange if self._history is not None else ""

    async def run(self, now: int) -> Outcome:
        """Judge the newest 5-minute candles that are over at `now` (ms UTC) and publish. Repeating it does no harm.

        Where neither the venue nor the store has a whole day of candles, nothing is published: the gate decays.

        Raises:
            Unavailable: The bus or the store is away; run it again. An outage of the venue is no error.
        """
        end = TIMEFRAME.floor(now)
        venue = _Venue(self._history, end)
        biases, without = [], {}
        for symbol in self._symbols:
            candles, source, lack = await self._window(symbol, venue, end)
            if lack:
                without[symbol] = lack
            else:
                biases.append(self._decide(symbol, source, candles))
        await self._bus.publish(MACRO_BIAS.topic, [_message(bias) for bias in biases])
        for bias in biases:
            metrics.MACRO_BIASES.labels(bias.source, bias.direction.value).inc()
            logger.info("macro bias", extra={"id": bias.bias_id, "score": bias.score, "confidence": bias.confidence})
        return Outcome(end, tuple(biases), without, venue.unlisted, venue.trouble)

    def _decide(self, symbol: str, source: str, candles: Sequence[Candle]) -> MacroBias:
        instrument = Instrument(self._exchange, symbol)
        return decide(candles, instrument, source, calibration=self._calibration, ttl=self._ttl)

    async def _window(self, symbol: str, venue: "_Venue", end: int) -> tuple[list[Candle], str, str]:
        """The window's candles, whose they are, and what is lacking in words (empty when they are whole)."""
        listed = await venue.candles(symbol)
        short = missing(listed, end)
        if not short:
            return listed, venue.name, ""
        own = await self._own(symbol, end)
        lacking = missing(own, end)
        if not lacking:
            return own, self._exchange, ""
        theirs = f"{short} of {venue.name}, " if venue.asked(symbol) else ""
        return [], "", f"5-minute candles are missing: {theirs}{lacking} of {self._exchange}"

    async def _own(self, symbol: str, end: int) -> list[Candle]:
        instrument = Instrument(self._exchange, symbol)
        return roll_up(await self._store.read(instrument, Timeframe.M1, window_start(end), end), TIMEFRAME)


class _Venue:
    """The venue during one round. Once it is away it is not asked again: each of its timeouts would cost seconds."""

    def __init__(self, history: MarketHistory | None, end: int) -> None:
        self._history = history
        self._end = end
        self.name = history.exchange if history is not None else ""
        self.unlisted: dict[str, str] = {}
        self.trouble = ""

    def asked(self, symbol: str) -> bool:
        """Whether it answered for the symbol."""
        return self._history is not None and not self.trouble and symbol not in self.unlisted

    async def candles(self, symbol: str) -> list[Candle]:
        """Its candles of the window; none where it cannot be asked."""
        if self._history is None or self.trouble:
            return []
        start = window_start(self._end)
        try:
            return await self._history.candles(symbol, TIMEFRAME, start, self._end)
        except Unavailable as error:
            self.trouble = str(error)
        except Refused as error:
            if error.reason == "not_found":
                self.unlisted[symbol] = str(error)
            else:
                self.trouble = str(error)
        return []


def _message(bias: MacroBias) -> Message:
    trace = f"{bias.exchange}/{bias.symbol}/{TIMEFRAME}/{bias.open_time}"
    return encode(MACRO_BIAS, bias, message_id=bias.bias_id, trace=trace)
