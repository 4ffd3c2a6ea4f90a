"""Recorded trades in, trade packs out: as one ingestor run would have made them, for the very same candle builder.

Pure and streaming: what is held is bounded by `lag`.

Conventions of recorded input:
* The first candle starts at its floor and the last ends at its ceiling, both as if fully recorded.
* Trades may be out of order by up to `lag`; until the end of the input the watermark stays that far behind.
* A silence is a silence: its candles are flat and complete. One of more than a month is refused, as that is rather two
  recordings, or a damaged time.
* With contiguous ids the ids prove completeness: a jump is a hole. There the run ends, at the last trade before the
  jump, and a new one begins at the first trade behind it; so exactly the candles from the one trade to the
  other are not covered by any run (see "Coverage" in docs/architecture.md).
"""

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

from shared.domain.timeframe import Timeframe
from shared.domain.trade import Trade, TradePack
from shared.errors import InvalidInput

LAG: Final = 3_600_000
"""Milliseconds by which a recorded trade may stand behind later ones."""

_PACK_TRADES = 250
_LONGEST_SILENCE = 31 * 86_400_000
_SHARD = 0


def offline_packs(
    trades: Iterable[Trade],
    *,
    exchange: str,
    symbol: str,
    timeframe: Timeframe,
    contiguous_ids: bool = False,
    lag: int = LAG,
) -> Iterator[TradePack]:
    """Packs of one symbol's recorded trades.

    Args:
        trades: In any order within `lag`.
        exchange: Venue and product for the packs.
        symbol: The symbol that all trades are of.
        timeframe: Of the candles to be built: the input is taken to cover its first and last one wholly.
        contiguous_ids: Trade ids are whole numbers that count up by one.
        lag: ms of event time.

    Raises:
        InvalidInput: A trade comes later than `lag` allows, or ids are wanted that do not count up.
    """
    steps = _IdOrder(lag).steps(trades) if contiguous_ids else ((trade, False) for trade in trades)
    behind = 0 if contiguous_ids else lag
    run: _Run | None = None
    newest, number = 0, 0
    for trade, after_hole in steps:
        if run is None:
            run = _Run(exchange, symbol, number, timeframe.floor(trade.event_time - behind), timeframe)
            yield run.pack(0)  # without trades: tells the builder where the run begins before any watermark passes it
        else:
            _check_time(trade, newest, lag)
        if after_hole:
            yield run.pack(newest)
            number += 1
            # From the first trade behind the hole on: the next silence is known to be one. Only where that trade is
            # the first instant of its candle, a millisecond later, as the candle must not count as covered.
            covered_from = max(trade.event_time, timeframe.floor(trade.event_time) + 1)
            run = _Run(exchange, symbol, number, covered_from, timeframe)
            yield run.pack(0)
        newest = max(newest, trade.event_time)
        run.add(trade)
        if run.is_full:
            yield run.pack(newest - behind)
    if run is not None:
        yield run.pack(timeframe.floor(newest) + timeframe.millis)


def _check_time(trade: Trade, newest: int, lag: int) -> None:
    if trade.event_time < newest - lag:
        raise InvalidInput(
            f"trade at {trade.event_time} (ms UTC) stands more than {lag // 60_000} minutes behind later ones: "
            "sort the file by time"
        )
    if trade.event_time > newest + _LONGEST_SILENCE:
        raise InvalidInput(
            f"no trade between {newest} and {trade.event_time} (ms UTC), more than 31 days: convert the files on "
            "either side one by one, or mend the time"
        )


class _Run:
    """Numbers the packs of one run and keeps its two times."""

    def __init__(self, exchange: str, symbol: str, number: int, covered_from: int, timeframe: Timeframe) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._run_id = f"recorded-{number}"
        self._covered_from = covered_from
        self._timeframe = timeframe
        self._seq = 0
        self._prior = covered_from - 1
        self._watermark = covered_from
        self._trades: list[Trade] = []

    @property
    def is_full(self) -> bool:
        return len(self._trades) >= _PACK_TRADES

    def add(self, trade: Trade) -> None:
        self._trades.append(trade)

    def pack(self, watermark: int) -> TradePack:
        """What was added, as the next pack; the watermark never goes back."""
        entered = max(watermark, self._watermark)
        names_symbols = self._seq == 0 or self._timeframe.floor(entered) > self._timeframe.floor(self._watermark)
        pack = TradePack(
            exchange=self._exchange,
            run_id=self._run_id,
            shard=_SHARD,
            seq=self._seq,
            covered_from=self._covered_from,
            prior_event_time=self._prior,
            watermark=entered,
            symbols=(self._symbol,) if names_symbols else (),
            trades=tuple(self._trades),
        )
        self._prior = max([self._prior, *(trade.event_time for trade in self._trades)])
        self._watermark = entered
        self._seq += 1
        self._trades = []
        return pack


class _IdOrder:
    """Puts trades into the order of their ids and sees where ids are missing.

    A trade whose turn it is passes at once; one behind a jump waits until its time is `lag` behind the newest, as the
    missing ids may still come. So only real holes cost memory.
    """

    def __init__(self, lag: int) -> None:
        self._lag = lag
        self._waiting: list[tuple[int, int, Trade]] = []
        self._due: int | None = None

    def steps(self, trades: Iterable[Trade]) -> Iterator[tuple[Trade, bool]]:
        """Each trade with whether ids are missing before it."""
        newest = 0
        for place, trade in enumerate(trades):
            heapq.heappush(self._waiting, (_number(trade), place, trade))
            newest = max(newest, trade.event_time)
            while self._waiting and self._may_pass(self._waiting[0], newest - self._lag):
                yield self._step()
        while self._waiting:
            yield self._step()

    def _may_pass(self, head: tuple[int, int, Trade], horizon: int) -> bool:
        number, _, trade = head
        return (self._due is not None and number <= self._due) or trade.event_time < horizon

    def _step(self) -> tuple[Trade, bool]:
        number, _, trade = heapq.heappop(self._waiting)
        after_hole = self._due is not None and number > self._due
        self._due = number + 1 if self._due is None else max(self._due, number + 1)
        return trade, after_hole


def _number(trade: Trade) -> int:
    if not (trade.trade_id.isascii() and trade.trade_id.isdigit()):
        raise InvalidInput(
            f"--contiguous-ids: the trade id {trade.trade_id!r} is no number that the venue counts up; leave it out"
        )
    return int(trade.trade_id)
