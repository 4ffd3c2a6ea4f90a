"""The larger trend as the macro engine sees it: a direction, how far it may be trusted, and the votes behind it."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.instrument import Instrument


class BiasDirection(StrEnum):
    """Where the larger trend points."""

    LONG = "LONG"
    SHORT = "SHORT"
    NEUTRAL = "NEUTRAL"


def bias_id(source: str, symbol: str, open_time: int) -> str:
    """Id of the bias that `source` gives for a symbol on the candle opened at `open_time` (ms UTC), for ever."""
    return f"macro/{source}/{symbol}/{open_time}"


@dataclass(frozen=True, slots=True)
class Vote:
    """One measure of the larger trend.

    Attributes:
        name: Which measure: ``trend``, ``momentum`` ... (docs/macro-bias.md has the formulas).
        direction: LONG when `value` is above `threshold`, SHORT when it is below minus `threshold`, else NEUTRAL.
        value: The measure, from -1 (all down) to 1 (all up).
        threshold: How far from 0 the value must be to count as a direction.
        weight: Share of the value in the score; the weights of all votes add up to 1.
        words: The measure in words with its raw figures, one line for people.
    """

    name: str
    direction: BiasDirection
    value: float
    threshold: float
    weight: float
    words: str


@dataclass(frozen=True, slots=True)
class MacroBias:
    """The larger trend of one instrument on one candle. A pure function of the candles it was made on.

    Attributes:
        source: Venue whose candles were judged: ``kraken-spot``, or our own where that one is away.
        exchange: Venue and product of the instrument whose entries it gates.
        symbol: Compact pair of that instrument.
        time: End of the candle, ms UTC: from then on it was known.
        open_time: Open time of the newest 5-minute candle it was made on, ms UTC.
        direction: NEUTRAL where the confidence is too small for a direction.
        confidence: 0 to 100: how often, of 100 such scores in history, the price stood further in the direction of the
            score four hours later. 50 is a coin.
        score: The weighted sum of the votes, -1 to 1; the confidence is read from a table by its size.
        votes: The votes, in the order of the weights.
        expires_at: ms UTC from which on it says nothing any more.
    """

    source: str
    exchange: str
    symbol: str
    time: int
    open_time: int
    direction: BiasDirection
    confidence: float
    score: float
    votes: tuple[Vote, ...]
    expires_at: int

    @property
    def instrument(self) -> Instrument:
        """The instrument it speaks of."""
        return Instrument(self.exchange, self.symbol)

    @property
    def bias_id(self) -> str:
        """See the function of this name."""
        return bias_id(self.source, self.symbol, self.open_time)
