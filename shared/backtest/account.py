"""Positions of several markets in, what an account makes of them out: sizes by risk, and its equity candle by candle.

The account begins with an equity of 1. Rules of this file:

Rule 1: what a position gains is `statistics.net_pct`, of its size: fees and slippage of both sides are in it.
Rule 2: an open position counts at what closing it at this candle's close would leave. So its costs are paid at once,
        and the equity does not jump where it ends at the price that was last seen.
Rule 3: a position is as large as lets its stop loss cost `risk` of the equity, costs included. All open ones together
        may cost at most `max_risk` of it, and are together never larger than it: no leverage. What is left decides the
        size; where nothing is left, the position is skipped.
Rule 4: within a candle positions end before others begin, and those that begin together do so in the markets' order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from shared.backtest.candle_arrays import Array, CandleArrays
from shared.backtest.compiled import compiled
from shared.backtest.kernel import Bar, Records, lead
from shared.domain.exit_rules import ExitRules
from shared.engine.exit_steps import opened, total_pct
from shared.engine.statistics import net_pct


class Costs(NamedTuple):
    """Of each side, as shares: the fee of the value, the slippage of the price, always against us."""

    fee: float
    slippage: float


class Limits(NamedTuple):
    """What may be lost by stop losses, as shares of the equity: by one position, and by all open ones."""

    risk: float
    max_risk: float


class Traded(NamedTuple):
    """A market, and the positions taken in it (see there)."""

    candles: CandleArrays
    records: Records


class Bars(NamedTuple):
    """Candles of one market as arrays, and where they lie in the account's time: ``(open_times - start) // step``."""

    open_times: Any
    highs: Any
    lows: Any
    closes: Any
    traded: Any
    start: int
    step: int


class Held(NamedTuple):
    """Positions, one column each: `first` and `last` are places in the account's time, ``marks[offset:]`` holds the net
    result in percent at every close from the first until before the last; `net` is the final one, `loss` what the stop
    loss costs, as a share of the size."""

    first: Any
    last: Any
    offset: Any
    net: Any
    loss: Any


class Book(NamedTuple):
    """What `settle` works on: the positions, their marks, their sizes as far as they have begun, and the rows of the
    open ones, the first ``count[0]`` of `rows`."""

    held: Held
    marks: Any
    sizes: Any
    rows: Any
    count: Any


@dataclass(frozen=True)
class Account:
    """What came of it; 1 is the equity at the beginning.

    Attributes:
        start: Close time of the first candle of any market, ms UTC.
        step: Of the closes, ms; they go on evenly to the last candle of any market, holes or not.
        equity: At each close.
        sizes: By market, of each position; 0 where nothing was left for it.
        results: By market, what each position added to the equity. They add up to the last equity, less 1.
    """

    start: int
    step: int
    equity: Array
    sizes: list[Array]
    results: list[Array]

    @cached_property
    def drawdown(self) -> Array:
        """At each close: the fall from the highest equity so far, as a share of it."""
        drawdown = np.empty(len(self.equity))
        compiled(fill_drawdowns)(self.equity, drawdown)
        return drawdown


def account(markets: Sequence[Traded], exits: ExitRules, costs: Costs, limits: Limits) -> Account:
    """The account of all positions, in the markets' order where they begin together.

    Args:
        markets: At least one; all of one timeframe, of candles without looks.
        exits: How positions are led.
        costs: See there.
        limits: See there.
    """
    step = markets[0].candles.timeframe.millis
    start = min(int(market.candles.open_times[0]) for market in markets)
    end = max(int(market.candles.open_times[-1]) for market in markets)
    held, marks = _joined([_held(market, exits, costs, start) for market in markets])
    order = np.argsort(held.first, kind="stable")
    sorted_sizes, equity = np.zeros(len(order)), np.empty((end - start) // step + 1)
    compiled(settle)(Held(*(column[order] for column in held)), marks, limits, sorted_sizes, equity)
    sizes = np.empty(len(order))
    sizes[order] = sorted_sizes
    cuts = np.cumsum([len(market.records.entry) for market in markets])[:-1]
    results = sizes * held.net / 100.0
    return Account(start + step, step, equity, np.split(sizes, cuts), np.split(results, cuts))


def net_of(records: Records, costs: Costs) -> Array:
    """Net results in percent of the entry price, of the gains as exit signals and ``trades.csv`` have them."""
    return _net(np.array([round(gain, 4) for gain in records.gain_pct.tolist()], dtype=np.float64), costs)


def _net(gains_pct: Any, costs: Costs) -> Array:
    """`net_pct` of each: it is plain arithmetic, so it takes all of them in one go."""
    nets: Any = net_pct(gains_pct, *costs)
    return np.asarray(nets)


def _held(market: Traded, exits: ExitRules, costs: Costs, start: int) -> tuple[Held, Array]:
    c, r = market.candles, market.records
    bars = Bars(c.open_times, c.highs, c.lows, c.closes, c.traded, start, c.timeframe.millis)
    first, last = ((c.open_times[at] - start) // c.timeframe.millis for at in (r.opened_at, r.closed_at))
    offset = np.cumsum(last - first) - (last - first)
    marks = np.empty(int((last - first).sum()))
    loss = -_net(-np.abs(r.entry - r.stop_loss) / r.entry * 100.0, costs) / 100.0
    compiled(mark_positions)(r, exits, costs, bars, marks)
    return Held(first, last, offset, net_of(r, costs), loss), marks


def _joined(parts: Sequence[tuple[Held, Array]]) -> tuple[Held, Array]:
    """All markets' columns in one, offsets moved along."""
    before = np.cumsum([0, *(len(marks) for _, marks in parts)])
    moved = [held._replace(offset=held.offset + start) for (held, _), start in zip(parts, before[:-1], strict=True)]
    return Held(*map(np.concatenate, zip(*moved, strict=True))), np.concatenate([marks for _, marks in parts])


def mark_positions(records: Records, exits: ExitRules, costs: Costs, bars: Bars, marks: Array) -> None:
    """Fill the net result in percent at every close at which a position was open, one position after the other; holes
    repeat the one before."""
    at = 0
    for row in range(len(records.opened_at)):
        begin, direction = records.opened_at[row], records.direction[row]
        led = opened(direction, records.entry[row], records.take_profit[row], records.stop_loss[row])
        for i in range(begin, records.closed_at[row]):
            # With one target nothing is banked on the way, so there is nothing to lead.
            if i > begin and exits.targets > 1:
                led, _ = lead(led, exits, Bar(bars.highs[i], bars.lows[i], bars.closes[i], bars.traded[i]))
            value = net_pct(total_pct(led, bars.closes[i], exits.targets), costs.fee, costs.slippage)
            marks[at] = value
            at += 1
            later = bars.open_times[i + 1]
            reached = bars.open_times[i] + bars.step
            while reached < later:
                marks[at] = value
                at += 1
                reached += bars.step


def settle(held: Held, marks: Array, limits: Limits, sizes: Array, equity: Array) -> None:
    """Fill the size of each position (they are sorted by entry) and the equity at each close, from event to event."""
    cash, upcoming, now = 1.0, 0, 0
    book = Book(held, marks, sizes, np.zeros(len(sizes), dtype=np.int64), np.zeros(1, dtype=np.int64))
    while now < len(equity):
        cash += end_positions(book, now)
        while upcoming < len(sizes) and held.first[upcoming] == now:
            sizes[upcoming] = size(book, limits, upcoming, cash)
            book.rows[book.count[0]] = upcoming
            book.count[0] += 1
            upcoming += 1
        until = len(equity)
        if upcoming < len(sizes):
            until = held.first[upcoming]
        for k in range(book.count[0]):
            until = min(until, held.last[book.rows[k]])
        fill(book, cash, equity[now:until], now)
        now = until


def end_positions(book: Book, now: int) -> float:
    """Take out the positions that end now; what they add to the cash."""
    gained, kept = 0.0, 0
    for k in range(book.count[0]):
        row = book.rows[k]
        if book.held.last[row] == now:
            gained += book.sizes[row] * book.held.net[row] / 100.0
        else:
            book.rows[kept] = row
            kept += 1
    book.count[0] = kept
    return gained


def size(book: Book, limits: Limits, row: int, cash: float) -> float:
    """Size of the position that begins (rule 3)."""
    held, equity, at_risk, taken = book.held, cash, 0.0, 0.0
    for k in range(book.count[0]):
        other = book.rows[k]
        place = held.offset[other] + held.first[row] - held.first[other]
        equity += book.sizes[other] * book.marks[place] / 100.0
        at_risk += book.sizes[other] * held.loss[other]
        taken += book.sizes[other]
    risk = min(limits.risk * equity, limits.max_risk * equity - at_risk)
    return float(max(0.0, min(risk / held.loss[row], equity - taken)))


def fill(book: Book, cash: float, equity: Array, now: int) -> None:
    """The equity of a stretch of closes, from `now` on, in which no position begins or ends."""
    equity[:] = cash
    for k in range(book.count[0]):
        row = book.rows[k]
        share, begin = book.sizes[row] / 100.0, book.held.offset[row] + now - book.held.first[row]
        for i in range(len(equity)):
            equity[i] += share * book.marks[begin + i]


def fill_drawdowns(equity: Array, drawdown: Array) -> None:
    """The fall from the highest value so far, as a share of it."""
    peak = 0.0
    for i in range(len(equity)):
        peak = max(peak, equity[i])
        drawdown[i] = 1.0 - equity[i] / peak
