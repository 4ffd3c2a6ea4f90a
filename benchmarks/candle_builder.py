"""Trades per second of the candle builder, beside a plain dict-and-float fold of the same trades in the same run.

Usage: python benchmarks/candle_builder.py [rounds]. Prints a table; read the ratios, absolute figures are only scale.
The plain fold knows no duplicates, no order, no proof and no exact sums: it is the floor, not a competitor.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from shared.domain.candle import Candle, OpenMode
from shared.domain.trade import Trade, TradePack
from shared.engine.candle_builder import CandleBuilder

EXCHANGE = "bench"
START = 1_767_225_600_000
MINUTE = 60_000
SYMBOLS = tuple(f"S{number}USDT" for number in range(9))


def make_packs(trades_each: int, minutes: int, interval: int) -> list[TradePack]:
    """Packs of one run: every `interval` ms one of `trades_each` trades, spread over nine symbols."""
    choose = random.Random(7)  # noqa: S311 - the same trades in every run, not a secret
    packs = []
    for seq, begin in enumerate(range(START, START + minutes * MINUTE, interval)):
        trades = tuple(
            Trade(
                symbol=choose.choice(SYMBOLS),
                event_time=begin + number * interval // trades_each,
                price=Decimal(choose.randrange(900_000, 1_100_000)).scaleb(-2),
                quantity=Decimal(choose.randrange(1, 100_000)).scaleb(-3),
                trade_id=f"{seq}-{number}",
                sequence=seq,
                ordinal=number,
            )
            for number in range(trades_each)
        )
        symbols = SYMBOLS if seq == 0 or begin % MINUTE == 0 else ()
        prior = packs[-1].trades[-1].event_time if packs else START - 1
        packs.append(TradePack(EXCHANGE, "r", 0, seq, START, prior, begin + interval, symbols, trades))
    return packs


def fold_plainly(packs: list[TradePack]) -> int:
    """Dict and float, in order of arrival."""
    candles: dict[tuple[str, int], list[float]] = {}
    for pack in packs:
        for trade in pack.trades:
            key = trade.symbol, trade.event_time // MINUTE
            price, quantity = float(trade.price), float(trade.quantity)
            candle = candles.get(key)
            if candle is None:
                candles[key] = [price, price, price, price, quantity, price * quantity, 1]
                continue
            candle[1] = max(candle[1], price)
            candle[2] = min(candle[2], price)
            candle[3] = price
            candle[4] += quantity
            candle[5] += price * quantity
            candle[6] += 1
    return len(candles)


def build(packs: list[TradePack]) -> int:
    """The builder, as the aggregator uses it."""
    builder = CandleBuilder(
        exchange=EXCHANGE, open_mode=OpenMode.PREVIOUS_CLOSE, grace=500, patience=30_000, retention=300_000
    )
    for symbol in SYMBOLS:
        builder.seed(symbol, START - MINUTE, Decimal(10_000))
    candles: list[Candle] = []
    for pack in packs:
        candles += builder.on_pack(pack)
    assert all(candle.complete for candle in candles)
    return len(candles)


def seconds(action: Callable[[list[TradePack]], int], packs: list[TradePack]) -> float:
    """CPU seconds of one run."""
    begin = time.process_time()
    assert action(packs) > 0
    return time.process_time() - begin


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{'trades in a pack':>16} {'plain, M/s':>11} {'builder, M/s':>13} {'builder / plain':>16}")
    for trades_each, minutes, interval in ((3, 40, 100), (50, 4, 100), (1000, 4, 1000)):
        packs = make_packs(trades_each, minutes, interval)
        total = sum(len(pack.trades) for pack in packs) / 1e6
        pairs = [(seconds(fold_plainly, packs), seconds(build, packs)) for _ in range(rounds)]
        plain = statistics.median(pair[0] for pair in pairs)
        ours = statistics.median(pair[1] for pair in pairs)
        ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
        print(f"{trades_each:>16} {total / plain:>11.2f} {total / ours:>13.2f} {ratio:>16.2f}")


if __name__ == "__main__":
    main()
