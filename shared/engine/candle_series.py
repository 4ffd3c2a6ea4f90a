"""One symbol's trades and the proof of what was seen in; its closed, revised and forming candles out, in order.

Minutes follow one another without a hole: those before `open_from` are closed, the others are open. (A "minute" is one
span of the timeframe.) A closed minute stays in memory for the retention, so that late trades and late proofs revise it
and, through their close, the minutes behind it.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from shared.domain.candle import Candle, FormingCandle
from shared.domain.trade import Trade
from shared.engine.candle_fold import CandleFold, CandleShape
from shared.engine.coverage import Coverage


class Close(NamedTuple):
    """Where a minute ended: the last price seen (None when there never was one), and whether it is known to be the
    last price there was."""

    price: Decimal | None = None
    is_known: bool = False


class Folded(NamedTuple):
    """What became of trades handed in: new ones, those of them that came after the close, ones seen before."""

    fresh: int
    late: int
    duplicate: int


class _Minute:
    """A minute in memory. `since` is the best proof so far (see `Coverage.seen_since`); it never gets worse, so
    coverage may forget. `candle` is what was last handed out."""

    __slots__ = ("candle", "close", "fold", "is_closed", "since")

    def __init__(self) -> None:
        self.fold = CandleFold()
        self.is_closed = False
        self.since: int | None = None
        self.candle: Candle | None = None
        self.close = Close()

    def prove(self, since: int | None) -> None:
        """Note a proof."""
        if since is not None and (self.since is None or since < self.since):
            self.since = since

    def is_covered(self, open_time: int) -> bool:
        """Whether every trade of the minute is in hand."""
        return self.since is not None and self.since <= open_time

    def end(self, open_time: int, previous: Close) -> Close:
        """Where the minute ended, after a minute that ended at `previous`. The last trade is known to be the last
        even in a minute that is seen only from that trade on."""
        last = self.fold.last
        if last is None:
            return Close(previous.price, previous.is_known and self.is_covered(open_time))
        return Close(last.price, self.since is not None and self.since <= last.event_time)


class CandleSeries:
    """Candles of one symbol.

    Args:
        shape: What the candles share.
        start: Open time (ms UTC) of the first minute to close.
        base: The close before `start`, where it is known; then older minutes are closed elsewhere. Without it, an
            older trade moves the start back.
        retention: ms of event time a closed minute stays in memory.

    Attributes:
        open_from: Open time of the earliest open minute, ms UTC.
        closed_elsewhere: Minutes before this open time (ms UTC) were closed before this series began; 0 when unknown.
        uncovered_to: End (ms UTC) of the newest minute that closed without proof; 0 when there was none.
    """

    def __init__(self, shape: CandleShape, start: int, base: Close | None, retention: int) -> None:
        self._shape = shape
        self._span = shape.timeframe.millis
        self._retention = retention
        self._minutes: dict[int, _Minute] = {}
        self._first = start
        self._base = base or Close()
        self._floor = start if base else 0
        self._closed_to = start
        self._revise_from: int | None = None
        self.open_from = start
        self.closed_elsewhere = self._floor
        self.uncovered_to = 0

    def accepts(self, open_time: int, watermark: int) -> bool:
        """Whether the minute is open or still in memory."""
        if open_time < self._first:
            return self._floor == 0 and open_time + self._span + self._retention >= watermark
        return True

    def fold(self, open_time: int, trades: Sequence[Trade]) -> Folded:
        """Take trades of an accepted minute in."""
        if open_time < self._first:
            self._first = self.open_from = open_time
        minute = self._minute(open_time)
        fresh = minute.fold.add(trades)
        if fresh and minute.is_closed:
            self._revise(open_time)
        return Folded(fresh, fresh if minute.is_closed else 0, len(trades) - fresh)

    def reconsider(self, since: int) -> None:
        """Proofs that end after `since` (ms UTC) may have become better: look at unproven minutes again."""
        if self.uncovered_to > since:
            self._revise(max(self._first, since - since % self._span))

    def settle(self, coverage: Coverage, given_up: int) -> list[Candle]:
        """Close what can be closed; returns candles closed or revised, ascending.

        Args:
            coverage: The proofs.
            given_up: A minute that ends at or before this time (ms UTC) closes whether covered or not.
        """
        while self._is_over(coverage, given_up):
            minute = self._minute(self.open_from)
            minute.is_closed = True
            self._revise(self.open_from)
            self._closed_to = max(self._closed_to, self.open_from + self._span)
            while (following := self._minutes.get(self.open_from)) is not None and following.is_closed:
                self.open_from += self._span
        candles = self._redraw(coverage)
        self._forget(coverage.watermark)
        return candles

    def forming(self, coverage: Coverage) -> list[FormingCandle]:
        """Views of the open minutes up to the watermark that have a price, ascending, as of the time up to which every
        trade is proven to be in hand: a look before it never changes again, so an exit may be decided on it."""
        span, views, watermark = self._span, [], coverage.watermark
        as_of = max(self.open_from, coverage.seen_to(self._shape.symbol, self.open_from) or 0)
        price = self._close_before(self.open_from).price
        with_trades = {time for time, minute in self._minutes.items() if time >= self.open_from}
        for open_time in sorted(with_trades.union(range(self.open_from, watermark + 1, span))):
            minute = self._minutes.get(open_time) or _Minute()
            candle = self._shape.draw(open_time, minute.fold, price, complete=False, until=as_of)
            if candle is not None:
                price = candle.close
                if not minute.is_closed:
                    views.append(FormingCandle(candle, as_of))
        return views

    def _minute(self, open_time: int) -> _Minute:
        minute = self._minutes.get(open_time)
        if minute is None:
            minute = self._minutes[open_time] = _Minute()
        return minute

    def _revise(self, open_time: int) -> None:
        if self._revise_from is None or open_time < self._revise_from:
            self._revise_from = open_time

    def _is_over(self, coverage: Coverage, given_up: int) -> bool:
        end = self.open_from + self._span
        if end <= given_up:
            return True
        since = coverage.seen_since(self._shape.symbol, end)
        return since is not None and since <= self.open_from

    def _close_before(self, open_time: int) -> Close:
        if open_time <= self._first:
            return self._base
        before = self._minutes.get(open_time - self._span)
        return before.close if before is not None and before.is_closed else Close()

    def _redraw(self, coverage: Coverage) -> list[Candle]:
        """Draw every closed minute from the first changed one on; returns the candles that differ from before."""
        start, self._revise_from = self._revise_from, None
        if start is None:
            return []
        changed = []
        previous = self._close_before(start)
        for open_time in range(start, self._closed_to, self._span):
            minute = self._minutes.get(open_time)
            if minute is None or not minute.is_closed:  # reopened before the start: closes later, then comes by again
                previous = Close()
                continue
            minute.prove(coverage.seen_since(self._shape.symbol, open_time + self._span))
            candle = self._draw(open_time, minute, previous)
            if candle != minute.candle and candle is not None:
                minute.candle = candle
                changed.append(candle)
            if not minute.is_covered(open_time):
                self.uncovered_to = max(self.uncovered_to, open_time + self._span)
            previous = minute.close = minute.end(open_time, previous)
        return changed

    def _draw(self, open_time: int, minute: _Minute, previous: Close) -> Candle | None:
        """The minute's candle: what was handed out before while nothing changed, otherwise its next revision."""
        by_itself = self._shape.opens_by_itself and minute.fold.trades > 0
        complete = minute.is_covered(open_time) and (by_itself or previous.is_known)
        before = minute.candle
        revision = 0 if before is None else before.revision
        candle = self._shape.draw(open_time, minute.fold, previous.price, complete=complete, revision=revision)
        if candle is None or before is None or candle == before:
            return candle
        return replace(candle, revision=revision + 1)

    def _forget(self, watermark: int) -> None:
        """Drop closed minutes older than the retention; the last close stays."""
        while self._first < self.open_from and self._first + self._span + self._retention < watermark:
            self._base = self._minutes.pop(self._first).close
            self._first += self._span
            self._floor = self._first
