"""Our complete candle and the venue's of the same minute in; which figures differ, and whose they may be, out.

What is compared, by what our candles open with:

==============  ==============================  =====================================================================
figure          ``previous_close``              ``first_trade``
==============  ==============================  =====================================================================
close           equal                           equal
quantity        equal                           equal
turnover        less than `TURNOVER_UNIT` apart  less than `TURNOVER_UNIT` apart
open            equal                           not compared: the venue may open at the close before
high, low       equal                           equal, once the venue's own open counts as one more price of ours
==============  ==============================  =====================================================================

A candle of ours is made of trades that the venue itself sent, each known by its id. So where ours holds all that the
venue's holds **and more**, nothing is missing: the venue left trades out that it marks (block trades, retail price
improvement) and that we count. That is a surplus and no mismatch; whether Bybit's klines hold them is not documented.
"""

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from shared.domain.candle import Candle, OpenMode

TURNOVER_UNIT: Final = Decimal("0.0001")
"""Quote units. None of 30,000 recorded Bybit candles (BTCUSDT, ETHUSDT, SOLUSDT, quarter hours and four hours of 2025)
has more than four decimals, and 1,683 of 1,683 four-hour turnovers are the exact sum of their sixteen quarter hours: so
the venue adds exactly, and may at most round once to its last decimal, which changes less than one unit of it. Two
candles of liquid pairs cannot hide in it: one trade at another price differs by tick times step, at least as much."""

_SEEDED = frozenset({"open", "high", "low"})


class Verdict(StrEnum):
    """What a comparison means."""

    EQUAL = "equal"
    SURPLUS = "surplus"
    MISMATCH = "mismatch"


class Finding(NamedTuple):
    """A verdict, and the names of the figures that differ."""

    verdict: Verdict
    differs: tuple[str, ...] = ()

    @property
    def shifts_next(self) -> bool:
        """Whether the next minute of the venue begins at another price than ours, and rightly so."""
        return self.verdict is Verdict.SURPLUS and "close" in self.differs


def compare(
    ours: Candle, theirs: Candle, open_mode: OpenMode, *, counts_marked: bool, before: Finding | None = None
) -> Finding:
    """Compare two candles of one minute.

    Args:
        ours: Complete, made of trades.
        theirs: The venue's, final.
        open_mode: What our candles open with.
        counts_marked: Whether any kind of marked trades counts in our candles; without it, no surplus is explained.
        before: What was found of the minute before. After a surplus that moved the close, the open and what depends on
            it may differ too.
    """
    differs = tuple(_differing(ours, theirs, open_mode))
    if not differs:
        return Finding(Verdict.EQUAL)
    begins_elsewhere = before is not None and before.shifts_next
    if begins_elsewhere and _SEEDED.union(("close",) if _is_empty(ours, theirs) else ()).issuperset(differs):
        return Finding(Verdict.SURPLUS, differs)
    may_hold_more = counts_marked and (begins_elsewhere or open_mode is OpenMode.FIRST_TRADE or "open" not in differs)
    if may_hold_more and _holds_more(ours, theirs):
        return Finding(Verdict.SURPLUS, differs)
    return Finding(Verdict.MISMATCH, differs)


def _differing(ours: Candle, theirs: Candle, open_mode: OpenMode) -> Iterator[str]:
    high, low = ours.high, ours.low
    if open_mode is OpenMode.FIRST_TRADE:
        high, low = max(high, theirs.open), min(low, theirs.open)
    elif ours.open != theirs.open:
        yield "open"
    pairs = {"high": (high, theirs.high), "low": (low, theirs.low), "close": (ours.close, theirs.close)}
    yield from (name for name, (mine, other) in pairs.items() if mine != other)
    if ours.quantity != theirs.quantity:
        yield "quantity"
    if abs(ours.turnover - theirs.turnover) >= TURNOVER_UNIT:
        yield "turnover"


def _is_empty(ours: Candle, theirs: Candle) -> bool:
    return ours.quantity == theirs.quantity == 0


def _holds_more(ours: Candle, theirs: Candle) -> bool:
    """Whether every trade of the venue's candle can be in ours, and at least one more is."""
    return (
        ours.quantity > theirs.quantity
        and ours.turnover > theirs.turnover
        and max(ours.high, theirs.open) >= theirs.high
        and min(ours.low, theirs.open) <= theirs.low
    )
