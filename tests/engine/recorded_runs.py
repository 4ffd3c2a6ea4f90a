"""Trades in; packs as ingestor runs would make them, and an independent judgement of what they prove, out."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from hypothesis import strategies as st

from shared.domain.candle import Candle, OpenMode
from shared.domain.trade import Trade, TradePack
from shared.engine.candle_builder import CandleBuilder
from tests.makers import EXCHANGE, MINUTE, START

MINUTES = 4
SYMBOLS = ("AAAUSDT", "BBBUSDT")
END = START + MINUTES * MINUTE
GRACE, PATIENCE, RETENTION = 500, 20_000, 3_600_000
SEED = Decimal(50)

instants = st.integers(0, MINUTES * MINUTE - 1)
prices = st.integers(40, 60).map(Decimal)
trades = st.lists(
    st.tuples(st.sampled_from(SYMBOLS), instants, prices, st.integers(1, 9).map(Decimal), st.integers(0, 2)),
    max_size=25,
).map(
    lambda rows: [
        Trade(symbol, START + at, price, quantity, trade_id=str(number), sequence=sequence)
        for number, (symbol, at, price, quantity, sequence) in enumerate(rows)
    ]
)
cuts = st.sets(st.integers(1, MINUTES * MINUTE), max_size=20).map(sorted)


def make_run(trades, cuts, *, run_id="r", covered_from=START, early=0, until=END + PATIENCE + GRACE) -> list[TradePack]:
    """Packs of a run that sees every trade from `covered_from` to `until`; watermarks at START + `cuts`, then `until`.

    Every `early`-th trade arrives one pack before the watermark passes it, as trades of a quick frame do.
    """
    marks = [START + cut for cut in cuts if covered_from < START + cut < until] + [until]
    contents: list[list[Trade]] = [[] for _ in marks]
    for number, trade in enumerate(trades):
        if covered_from <= trade.event_time < until:
            place = bisect_right(marks, trade.event_time)
            contents[max(0, place - 1) if early and number % early == 0 else place].append(trade)
    packs, prior, minute = [], covered_from - 1, -1
    for seq, (watermark, inside) in enumerate(zip(marks, contents, strict=True)):
        names = SYMBOLS if watermark // MINUTE != minute else ()
        minute = watermark // MINUTE
        packs.append(TradePack(EXCHANGE, run_id, 0, seq, covered_from, prior, watermark, names, tuple(inside)))
        prior = max([prior, *(trade.event_time for trade in inside)])
    return packs


@dataclass(frozen=True)
class Market:
    """A generated market: its trades, how one run packs them, how candles open, and a source of disorder."""

    trades: list[Trade]
    cuts: list[int]
    early: int
    open_mode: OpenMode
    order: Random

    def packs(self, **fields) -> list[TradePack]:
        """The packs of one run over it."""
        return make_run(self.trades, self.cuts, early=self.early, **fields)

    def shuffled(self, packs) -> list[TradePack]:
        """The packs in disorder."""
        return self.order.sample(packs, len(packs))

    def truth(self):
        """What every candle must be."""
        return true_figures(self.trades, self.open_mode)


markets = st.builds(
    Market, trades, cuts, st.integers(0, 3), st.sampled_from(OpenMode), st.randoms(use_true_random=False)
)


def make_builder(open_mode=OpenMode.FIRST_TRADE, *, is_seeded=True, retention=RETENTION) -> CandleBuilder:
    """A builder that knows the close before START, or knows nothing."""
    builder = CandleBuilder(exchange=EXCHANGE, open_mode=open_mode, grace=GRACE, patience=PATIENCE, retention=retention)
    for symbol in SYMBOLS if is_seeded else ():
        builder.seed(symbol, START - MINUTE, SEED)
    return builder


def feed(builder, packs) -> list[Candle]:
    """Everything the builder says, in order."""
    return [candle for pack in packs for candle in builder.on_pack(pack)]


def newest(candles) -> dict[tuple[str, int], Candle]:
    """The last version of each candle, with the revision left out."""
    return {(candle.symbol, candle.open_time): replace(candle, revision=0) for candle in candles}


def fold_all(trades, symbol, open_time, previous, open_mode):
    """Open, high, low, close, quantity, turnover and count, the slow and obvious way."""
    inside = sorted(
        (trade.event_time, trade.sequence, trade.ordinal, trade.trade_id, trade.price, trade.quantity)
        for trade in {trade.trade_id: trade for trade in trades}.values()
        if trade.symbol == symbol and open_time <= trade.event_time < open_time + MINUTE
    )
    paid = [row[4] for row in inside]
    if open_mode is OpenMode.PREVIOUS_CLOSE or not inside:
        paid = [previous, *paid]
    quantity = sum((row[5] for row in inside), Decimal(0))
    return paid[0], max(paid), min(paid), paid[-1], quantity, sum(row[4] * row[5] for row in inside), len(inside)


def figures(candle):
    """The same of a candle."""
    return (
        candle.open, candle.high, candle.low, candle.close, candle.quantity, candle.turnover, candle.trades,
    )  # fmt: skip


def true_figures(trades, open_mode) -> dict[tuple[str, int], tuple]:
    """What every candle must be when nothing is missing."""
    found = {}
    for symbol in SYMBOLS:
        close = SEED
        for open_time in range(START, END, MINUTE):
            found[symbol, open_time] = fold_all(trades, symbol, open_time, close, open_mode)
            close = found[symbol, open_time][3]
    return found


def seen_since(packs, end):
    """Straight from the definition: over all chains of packs in hand whose watermark passed `end` by the grace, the
    earliest event time since which such a chain has seen everything."""
    best = None
    by_run: dict[str, dict[int, TradePack]] = {}
    for pack in packs:
        by_run.setdefault(pack.run_id, {})[pack.seq] = pack
    for run in by_run.values():
        for first in run:
            last = first
            while last in run:
                if run[last].watermark >= end + GRACE:
                    since = max(run[first].covered_from, run[first].prior_event_time + 1)
                    best = since if best is None else min(best, since)
                last += 1
    return best


def true_completeness(packs, open_mode) -> dict[tuple[str, int], bool]:
    """Whether each candle is complete, from the definition. (Both symbols must be named by some pack of each run.)"""
    in_hand = [trade for pack in packs for trade in pack.trades]
    found = {}
    for symbol in SYMBOLS:
        is_known = True
        for open_time in range(START, END, MINUTE):
            since = seen_since(packs, open_time + MINUTE)
            is_covered = since is not None and since <= open_time
            times = [
                trade.event_time
                for trade in in_hand
                if trade.symbol == symbol and open_time <= trade.event_time < open_time + MINUTE
            ]
            by_itself = bool(times) and open_mode is OpenMode.FIRST_TRADE
            found[symbol, open_time] = is_covered and (by_itself or is_known)
            is_known = (since is not None and since <= max(times)) if times else (is_covered and is_known)
    return found
