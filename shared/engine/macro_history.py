"""Long recorded candles in, scores and what the price did after each of them out: what a calibration is fitted on."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby

from shared.domain.candle import Candle
from shared.domain.timeframe import Timeframe
from shared.engine.macro_votes import HOURS, RECENT, TIMEFRAME, cast_votes
from shared.engine.roll_up import roll_up

HORIZON = 4 * Timeframe.H1.millis
"""How far ahead a direction must have held, ms: as long as a bias lives."""

EVERY = 13
"""A score is taken on each 13th candle (65 minutes), so that all places within the hour occur."""


def samples(candles: Sequence[Candle]) -> Iterator[tuple[float, bool]]:
    """``(size of the score, whether the price stood further in its direction after the horizon)``, ascending in time.

    Scores of exactly 0 have no direction and are left out. A score is never made across a hole.

    Args:
        candles: Complete 5-minute candles of one instrument, ascending.
    """
    ahead = HORIZON // TIMEFRAME.millis
    for run in _runs(candles):
        hours = roll_up(run, Timeframe.H1)
        ends = [hour.close_time for hour in hours]
        for index in range(0, len(run) - ahead, EVERY):
            known = bisect_right(ends, run[index].close_time)
            if known >= HOURS and index + 1 >= RECENT:
                votes = cast_votes(hours[known - HOURS : known], run[index + 1 - RECENT : index + 1])
                score = round(sum(vote.weight * vote.value for vote in votes), 4)
                change = run[index + ahead].close - run[index].close
                if score:
                    yield abs(score), change > 0 if score > 0 else change < 0


def _runs(candles: Sequence[Candle]) -> Iterator[list[Candle]]:
    """The candles, cut at every hole."""
    placed = enumerate(candles)
    for _, run in groupby(placed, key=lambda pair: pair[1].open_time - pair[0] * TIMEFRAME.millis):
        yield [candle for _, candle in run]
