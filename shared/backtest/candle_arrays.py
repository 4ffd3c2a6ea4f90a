"""Candles in, arrays out, cut into stretches without a hole."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from shared.backtest.compiled import compiled
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.engine.exits import looks_of
from shared.errors import InvalidInput

Array = np.ndarray[Any, Any]


class Span(NamedTuple):
    """Indices ``first <= i < end`` of candles that follow each other without a hole."""

    first: int
    end: int


@dataclass(frozen=True)
class CandleArrays:
    """Candles of one instrument, oldest first. Prices and quantities are float64, open times int64 (ms UTC).

    Each float is the one nearest to the candle's exact decimal, as the live strategies take it.

    Attributes:
        traded: Whether anybody traded in it: else its range touches no level (see `shared.engine.exits.looks_of`).
        complete: See `Candle`.
    """

    instrument: Instrument
    timeframe: Timeframe
    open_times: Array
    opens: Array
    highs: Array
    lows: Array
    closes: Array
    quantities: Array
    traded: Array
    complete: Array

    def __len__(self) -> int:
        """Number of candles."""
        return len(self.open_times)

    def spans(self) -> list[Span]:
        """Stretches of complete candles without a hole, and each incomplete candle as one of its own, in order.

        A strategy begins anew with each. (In one of a single incomplete candle it says nothing; exits are decided.)
        """
        return self._spans

    @cached_property
    def _spans(self) -> list[Span]:
        """Found once: many strategies go over the same candles."""
        find, first = compiled(end_of_stretch), 0
        spans: list[Span] = []
        while first < len(self):
            spans.append(Span(first, find(self.open_times, self.complete, self.timeframe.millis, first)))
            first = spans[-1].end
        return spans


def end_of_stretch(open_times: Array, complete: Array, step: int, first: int) -> int:
    """Index of the candle with which a new stretch begins, after the one that begins at `first`.

    Found candle by candle: arrays of differences would be written only to be read once.
    """
    end = first + 1
    while end < len(open_times):
        if not (complete[end - 1] and complete[end]) or open_times[end] - open_times[end - 1] != step:
            break
        end += 1
    return end


def to_arrays(candles: Iterable[Candle]) -> CandleArrays:
    """Arrays of candles of one instrument and timeframe, ascending.

    Raises:
        InvalidInput: There are none.
    """
    rows = list(candles)
    if not rows:
        raise InvalidInput("no candles to look at")
    first = rows[0]

    def column(name: str) -> Array:
        return np.array([float(getattr(candle, name)) for candle in rows])

    return CandleArrays(
        instrument=first.instrument,
        timeframe=first.timeframe,
        open_times=np.array([candle.open_time for candle in rows], dtype=np.int64),
        opens=column("open"),
        highs=column("high"),
        lows=column("low"),
        closes=column("close"),
        quantities=column("quantity"),
        traded=np.array([bool(looks_of(candle)) for candle in rows]),
        complete=np.array([candle.complete for candle in rows]),
    )
