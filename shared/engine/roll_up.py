"""Candles of a short timeframe in, candles of a longer one out: those of which every part is there and complete."""

from collections.abc import Sequence
from decimal import Context, Decimal
from functools import reduce
from itertools import groupby

from shared.domain.candle import Candle, CandleSource
from shared.domain.timeframe import Timeframe
from shared.errors import InvariantViolation

_EXACT = Context(prec=200)  # no sum of real quantities is rounded, whatever the thread's own context


def roll_up(candles: Sequence[Candle], timeframe: Timeframe) -> list[Candle]:
    """The longer candles, ascending, on the grid of `timeframe`.

    A longer candle opens at its first part's open, so it follows the venue's own rule for opens. It counts as the
    exchange's when all of its parts are; looks are left out, because nobody decides an exit on it.

    Args:
        candles: Of one instrument and timeframe, ascending, each open time once; holes are allowed.
        timeframe: A multiple of theirs, or theirs.

    Raises:
        InvariantViolation: `timeframe` is shorter than that of a candle.
    """
    if candles and timeframe.millis % candles[0].timeframe.millis:
        raise InvariantViolation(f"{candles[0].timeframe} candles cannot be rolled up to {timeframe}")
    whole = [candle for candle in candles if candle.complete]
    rolled = []
    for open_time, group in groupby(whole, key=lambda candle: timeframe.floor(candle.open_time)):
        parts = list(group)
        if len(parts) * parts[0].timeframe.millis == timeframe.millis:
            rolled.append(_join(parts, timeframe, open_time))
    return rolled


def _join(parts: Sequence[Candle], timeframe: Timeframe, open_time: int) -> Candle:
    by_exchange = all(part.source is CandleSource.EXCHANGE for part in parts)
    return Candle(
        exchange=parts[0].exchange,
        symbol=parts[0].symbol,
        timeframe=timeframe,
        open_time=open_time,
        open=parts[0].open,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        close=parts[-1].close,
        quantity=_sum([part.quantity for part in parts]),
        turnover=_sum([part.turnover for part in parts]),
        trades=sum(part.trades for part in parts),
        complete=True,
        source=CandleSource.EXCHANGE if by_exchange else CandleSource.TRADES,
    )


def _sum(values: Sequence[Decimal]) -> Decimal:
    return reduce(_EXACT.add, values)
