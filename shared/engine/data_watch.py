"""Times and the newest candles of each symbol in; what the channel is told about outages, and the next memory, out.

Rule 1: a symbol whose newest complete candle ended more than `stale_after` ago is paused, and that is announced: one
        notice for all symbols whose candles ended at the same time. So long a start waits, too, before it judges; a
        symbol that never had a candle is starting, not stale.
Rule 2: a symbol is back when a candle that young has been evaluated. The all-clear comes when all symbols of the notice
        are back. Where some stay away for another `stale_after`, a further line names those alone.
Rule 3: a symbol that stops again within `RELAPSE` x `stale_after` of a notice's newest line belongs to that notice: its
        line says so, and no new one is made.
Rule 4: lines of one notice count up by one, and a symbol is paused by one notice at most.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from shared.domain.notice import Notice, NoticeKind, stale_id

RELAPSE = 2
_KEPT = 50  # outages that are over; they keep an id from being used twice
_MINUTE = 60_000


class Arrival(NamedTuple):
    """How far the data of one symbol has come: ends of candles in ms UTC, 0 where there is none.

    Attributes:
        complete: Of the newest complete candle that is stored.
        evaluated: Of the newest complete candle that every strategy has evaluated.
    """

    complete: int
    evaluated: int


@dataclass(frozen=True, slots=True)
class Outage:
    """What was announced about one outage.

    Attributes:
        since: End of the last complete candle before it, ms UTC; names the notice.
        revision: Of its newest line.
        told_at: Time of its newest line, ms UTC.
        symbols: All that were ever concerned, sorted.
        out: Those that are paused, as last told, sorted; empty when it is over.
        back_at: Time at which the first of `out` was back while others were not, ms UTC; 0 while none is.
    """

    since: int
    revision: int
    told_at: int
    symbols: tuple[str, ...]
    out: tuple[str, ...]
    back_at: int = 0


class Verdict(NamedTuple):
    """The outages as they are to be remembered, and what is to be said, in order. All-clears lack `healed`."""

    outages: tuple[Outage, ...]
    notices: list[Notice]


class DataWatch:
    """Judges the age of data.

    Args:
        exchange: Venue and product.
        stale_after: ms after the end of its newest candle at which a symbol is stale.
        started: When watching began, ms UTC.
    """

    def __init__(self, exchange: str, stale_after: int, started: int) -> None:
        self.exchange = exchange
        self._stale_after = stale_after
        self._started = started

    def look(self, outages: Iterable[Outage], now: int, arrivals: Mapping[str, Arrival]) -> Verdict:
        """What is new at `now` (market time, ms UTC).

        Args:
            outages: As the last verdict left them.
            now: Market time, ms UTC.
            arrivals: Every symbol that is watched. One of an outage that is not watched any more counts as back.
        """
        known = {outage.since: outage for outage in outages}
        notices = []
        for since, symbols in self._stopped(known, now, arrivals).items():
            known[since] = _with_more(known.get(since), since, now, symbols)
            notices.append(self._stale(known[since], f"no complete candle for {self._stale_after / _MINUTE:g} minutes"))
        for outage in [outage for outage in known.values() if outage.out]:
            known[outage.since], line = self._follow(outage, now, arrivals, _paused(known))
            notices += line
        return Verdict(_remembered(known), notices)

    def _stopped(self, known: Mapping[int, Outage], now: int, arrivals: Mapping[str, Arrival]) -> dict[int, list[str]]:
        """Symbols that are stale and not announced as that, by the `since` of the outage they belong to."""
        paused = _paused(known)
        stopped = defaultdict(list)
        for symbol, arrival in sorted(arrivals.items()):
            stale = arrival.complete and now - max(arrival.complete, self._started) > self._stale_after
            if stale and symbol not in paused:
                stopped[self._home(known, symbol, arrival.complete)].append(symbol)
        return stopped

    def _home(self, known: Mapping[int, Outage], symbol: str, complete: int) -> int:
        grace = RELAPSE * self._stale_after
        recent = [o.since for o in known.values() if symbol in o.symbols and complete <= o.told_at + grace]
        return max(recent, default=complete)

    def _follow(
        self, outage: Outage, now: int, arrivals: Mapping[str, Arrival], paused: frozenset[str]
    ) -> tuple[Outage, list[Notice]]:
        """An open outage, with those that are back taken out, and the line about it, if it is time for one."""
        away = tuple(symbol for symbol in outage.out if symbol in arrivals and not self._is_back(arrivals[symbol], now))
        if away == outage.out:
            return replace(outage, back_at=0), []
        if away and not outage.back_at:
            return replace(outage, back_at=now), []
        if away and now - outage.back_at < self._stale_after:
            return outage, []
        told = replace(outage, revision=outage.revision + 1, told_at=now, out=away, back_at=0)
        if away:
            returned = ", ".join(symbol for symbol in outage.out if symbol not in away)
            return told, [self._stale(told, f"the data of {returned} is back")]
        elsewhere = paused - set(outage.out)
        return told, [self._resumed(told, [symbol for symbol in told.symbols if symbol not in elsewhere], arrivals)]

    def _is_back(self, arrival: Arrival, now: int) -> bool:
        return arrival.evaluated > 0 and now - arrival.evaluated <= self._stale_after

    def _stale(self, outage: Outage, detail: str) -> Notice:
        return Notice(
            notice_id=stale_id(self.exchange, outage.since),
            revision=outage.revision,
            kind=NoticeKind.STALE,
            exchange=self.exchange,
            symbols=outage.out,
            time=outage.told_at,
            since=outage.since,
            detail=detail,
        )

    def _resumed(self, outage: Outage, symbols: list[str], arrivals: Mapping[str, Arrival]) -> Notice:
        ends = [arrivals[symbol].evaluated for symbol in symbols if symbol in arrivals]
        return Notice(
            notice_id=stale_id(self.exchange, outage.since),
            revision=outage.revision,
            kind=NoticeKind.RESUMED,
            exchange=self.exchange,
            symbols=tuple(symbols),
            time=outage.told_at,
            since=outage.since,
            until=max(ends, default=outage.told_at),
        )


def _with_more(outage: Outage | None, since: int, now: int, symbols: list[str]) -> Outage:
    """The outage with `symbols` paused, too."""
    if outage is None:
        return Outage(since, 0, now, tuple(symbols), tuple(symbols))
    return replace(
        outage,
        revision=outage.revision + 1,
        told_at=now,
        symbols=tuple(sorted({*outage.symbols, *symbols})),
        out=tuple(sorted({*outage.out, *symbols})),
    )


def _paused(known: Mapping[int, Outage]) -> frozenset[str]:
    return frozenset(symbol for outage in known.values() for symbol in outage.out)


def _remembered(known: Mapping[int, Outage]) -> tuple[Outage, ...]:
    ordered = sorted(known.values(), key=lambda outage: outage.since)
    over = [outage.since for outage in ordered if not outage.out]
    forgotten = set(over[:-_KEPT])
    return tuple(outage for outage in ordered if outage.since not in forgotten)
