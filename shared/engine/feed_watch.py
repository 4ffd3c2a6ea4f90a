"""Arrivals of trades in; out come the verdict whether a feed is alive, and what the venue's clock says.

A connection that answers pings and delivers nothing looks healthy to its socket. Only trades, topic by topic, prove
life.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

_GAP_WEIGHT = 1 / 16  # of the newest gap in the running mean
_OBSERVATIONS = 15
_WORST_BACKLOG = 60_000


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """When silence is a fault.

    Attributes:
        silence: Seconds without a trade of any topic.
        topic_silence: Least seconds without a trade of one topic while others trade.
        topic_gaps: ... and least number of its mean gaps. A topic never seen is taken to trade once in `silence`.
    """

    silence: float = 15.0
    topic_silence: float = 60.0
    topic_gaps: float = 30.0


class TopicWatch:
    """Judges the silence of topics. What it learns about them outlives the connection.

    Each verdict doubles the patience with its topic until that topic trades again: a symbol that simply stopped trading
    costs a few reconnects, not one a minute for ever. Times are seconds of a clock that never goes back.
    """

    def __init__(self, limits: WatchLimits) -> None:
        self._limits = limits
        self._gaps: dict[str, float] = {}
        self._vain: dict[str, int] = {}
        self._vain_all = 0
        self._last: dict[str, float] = {}
        self._newest = 0.0

    def begin(self, symbols: Iterable[str], at: float) -> None:
        """A connection has confirmed these topics at this time."""
        self._last = dict.fromkeys(symbols, at)
        self._newest = at
        self._fresh = set(self._last)

    def saw(self, symbol: str, at: float) -> None:
        """A frame with trades of `symbol` arrived."""
        if symbol not in self._last:
            return
        if symbol in self._fresh:  # the time since the connection began is no gap between trades
            self._fresh.remove(symbol)
        else:
            gap = at - self._last[symbol]
            self._gaps[symbol] = self._gaps.get(symbol, gap) * (1 - _GAP_WEIGHT) + gap * _GAP_WEIGHT
        self._last[symbol] = self._newest = at
        self._vain.pop(symbol, None)
        self._vain_all = 0

    def verdict(self, at: float) -> str:
        """Why the connection must be given up, in words; empty while all is well."""
        silent = at - self._newest
        if silent >= self._all_limit():
            self._vain_all += 1
            return f"no trades of any symbol for {silent:.0f} s although the socket is alive"
        for symbol, last in self._last.items():
            if at - last >= self._limit(symbol) and self._newest > last:
                self._vain[symbol] = self._vain.get(symbol, 0) + 1
                return f"no trades of {symbol} for {at - last:.0f} s although the socket is alive"
        return ""

    def _all_limit(self) -> float:
        known = [self._gaps[symbol] for symbol in self._last if symbol in self._gaps]
        usual = min(known, default=0.0) * self._limits.topic_gaps
        return max(self._limits.silence, usual) * 2.0**self._vain_all

    def _limit(self, symbol: str) -> float:
        usual = self._gaps.get(symbol, self._limits.silence) * self._limits.topic_gaps
        return max(self._limits.topic_silence, usual) * 2.0 ** self._vain.get(symbol, 0)


class LocalTime(NamedTuple):
    """One moment by both clocks of this machine, in ms of market time.

    `wall` is UTC and may be set at any moment. `steady` cannot be set and counts from anywhere, but it goes on while
    the market of a sandbox stands.
    """

    wall: int
    steady: int


class VenueTime:
    """The venue's clock as seen through arriving frames; all times in ms.

    Each live frame gives one offset for each local clock, venue time minus local time of arrival: the true difference
    of the clocks less the frame's delay. So an offset is too small, never too large, as long as that clock goes right.
    The wall clock errs when it is set, the steady one while a sandbox stands: of both, the careful answer counts.
    """

    def __init__(self) -> None:
        self._offsets: deque[LocalTime] = deque(maxlen=_OBSERVATIONS)

    def observe(self, venue_time: int, received: LocalTime) -> None:
        """A live frame was made at `venue_time` and arrived at `received`."""
        self._offsets.append(LocalTime(venue_time - received.wall, venue_time - received.steady))

    def at(self, local: LocalTime) -> int:
        """Venue time at `local`, rather too early: by the median, so that neither one late frame nor one from
        before the local clock was set decides. 0 when no frame was seen."""
        if not self._offsets:
            return 0
        walls, steadies = zip(*self._offsets, strict=True)
        return min(local.wall + int(median(walls)), local.steady + int(median(steadies)))

    def covered_from(self, confirmed_at: LocalTime, venue_time: int) -> int:
        """Venue time, rather too late, from which a connection has seen every trade.

        Args:
            confirmed_at: Local time at which the last confirmation arrived.
            venue_time: Of the first frame after it. It may be a repeated last trade, up to a minute old, so the local
                clock counts too; no further than that minute, for the local clock may be wrong.
        """
        confirmed = confirmed_at.wall
        if self._offsets:
            walls, steadies = zip(*self._offsets, strict=True)
            confirmed = max(confirmed + max(walls), confirmed_at.steady + max(steadies))
        return max(venue_time, min(confirmed, venue_time + _WORST_BACKLOG))
