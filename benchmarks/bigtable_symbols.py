"""Hundreds of symbols in Bigtable in, the times of the platform's reads and writes out, beside one row per candle.

    python -m benchmarks.bigtable_symbols [--symbols 600] [--rounds 5] [--looks]

"Hour rows" is the store itself: writes are compared with what is stored and come back as changes. "Row per candle" is
the usual layout in the same run, with the same client library and the same requests of some series each: a row per
candle and a column per field; its writes are blind. Both read 130 stored minutes at ten minutes past an hour, the worst
for hour rows: 100 candles lie in three rows. Both must give the same candles: those of an exchange's history, or with
--looks those made from trades, which have the ranges of their 15-second slices, too. The emulator is a process of its
own; each figure is the median of the rounds.

The steady cycle is what the logic engine does every 15 s: its candle reader asks for the newest candles of every
symbol, and for every forming view (as if there were an open position everywhere).
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

import msgspec
from google.cloud.bigtable.data import ReadRowsQuery, Row, RowMutationEntry, RowRange
from google.cloud.bigtable.data.mutations import SetCell

from services.logic_engine.candle_reader import CandleReader, Want
from shared.adapters.clock.system import Options as ClockOptions
from shared.adapters.clock.system import create as create_clock
from shared.adapters.stores.bigtable import BigtableStore, Options, create
from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_schema import Place
from shared.domain.book import Book, BookKey
from shared.domain.candle import Candle, CandleSource, FormingCandle, Look
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.messages.codec import to_json
from shared.runtime.sections import LogicEngineSection
from tests.adapters.contract import bigtable_emulator

EXCHANGE, START, MINUTE, M1 = "bybit-linear", 1_767_225_600_000, 60_000, Timeframe.M1
STORED, WANTED, CYCLE = 130, 100, 15.0
NUMBERS = ("open", "high", "low", "close", "quantity", "turnover")
FIELDS = (*NUMBERS, "trades", "complete", "revision", "source")  # and looks
TABLE, FAMILY = "outbox", "d"  # any table with one family that nothing else uses here
LOOKS = msgspec.json.Decoder(tuple[Look, ...])
Figures = dict[str, tuple[float, float]]


SLICES: list[int] = []


def candle(symbol: str, minute: int) -> Candle:
    at = START + minute * MINUTE
    price = Decimal("64230.10") + minute
    looks = tuple(Look(at + end, price + 2, price - 2) for end in SLICES)
    numbers = (price, price + 2, price - 2, price + 1, Decimal("12.345"), Decimal("793040.123450"))
    return Candle(EXCHANGE, symbol, M1, at, *numbers, 250, complete=True, looks=looks)


class RowPerCandle:
    """The layout to compare with: a row per candle, newest first, a column per field."""

    def __init__(self, client: BigtableClient) -> None:
        self.client = client

    @staticmethod
    def key(symbol: str, minute: int) -> bytes:
        return f"{EXCHANGE}#{symbol}#{10**8 - START // MINUTE - minute:08}".encode()

    async def write(self, candles: list[Candle]) -> None:
        entries = []
        for one in candles:
            values = {field: str(getattr(one, field)).encode() for field in FIELDS} | {"looks": to_json(one.looks)}
            cells = [SetCell(FAMILY, field, value, one.open_time * 1000) for field, value in values.items()]
            entries.append(RowMutationEntry(self.key(one.symbol, (one.open_time - START) // MINUTE), cells))
        await self.client.mutate(TABLE, entries)

    async def read_latest(self, symbols: list[str], last: int, limit: int) -> dict[str, list[Candle]]:
        found: dict[str, list[Candle]] = {symbol: [] for symbol in symbols}

        def take(row: Row) -> None:
            symbol = row.row_key.split(b"#")[1].decode()
            cells = {cell.qualifier: cell.value for cell in row.cells}
            numbers = [Decimal(cells[field.encode()].decode()) for field in NUMBERS]
            looks = LOOKS.decode(cells[b"looks"])
            at = row.cells[0].timestamp_micros // 1000
            rest = (int(cells[b"trades"]), cells[b"complete"] == b"True", int(cells[b"revision"]))
            source = CandleSource(cells[b"source"].decode())
            found[symbol].append(Candle(EXCHANGE, symbol, M1, at, *numbers, *rest, source, looks))

        ranges = [
            RowRange(self.key(symbol, last), self.key(symbol, last - limit + 1), end_is_inclusive=True)
            for symbol in symbols
        ]
        queries = [ReadRowsQuery(row_ranges=ranges[first : first + 50]) for first in range(0, len(ranges), 50)]
        await self.client.read(TABLE, queries, take)
        for candles in found.values():
            candles.reverse()
        return found


async def timed(rounds: int, call: Callable[[int], Awaitable[object]]) -> tuple[float, float]:
    """Median wall and client CPU seconds; the first round warms up and does not count."""
    took = []
    gc.collect()
    gc.freeze()  # the collector need not look at what the benchmark itself has made
    for number in range(rounds + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        await call(number)
        took.append((time.perf_counter() - wall, time.process_time() - cpu))
    return statistics.median(one for one, _ in took[1:]), statistics.median(two for _, two in took[1:])


async def measure_rows(naive: RowPerCandle, symbols: list[str], rounds: int) -> Figures:
    for minute in range(STORED):
        await naive.write([candle(symbol, minute) for symbol in symbols])
    last = STORED - 1
    full = await naive.read_latest(symbols, last, WANTED)
    assert full == {symbol: [candle(symbol, minute) for minute in range(STORED - WANTED, STORED)] for symbol in symbols}
    newest = [candle(symbol, last) for symbol in symbols]
    recent = LogicEngineSection().hole_patience + 5
    return {
        "minute flush": await timed(rounds, lambda _: naive.write(newest)),
        f"full read, {WANTED} each": await timed(rounds, lambda _: naive.read_latest(symbols, last, WANTED)),
        "steady cycle": await timed(rounds, lambda _: naive.read_latest(symbols, last, recent)),
    }


async def measure_store(store: BigtableStore, symbols: list[str], rounds: int) -> Figures:
    for minute in range(STORED - rounds - 1):
        await store.write([candle(symbol, minute) for symbol in symbols])
    batches = [[candle(symbol, minute) for symbol in symbols] for minute in range(STORED - rounds - 1, STORED)]
    flush = await timed(rounds, lambda number: store.write(batches[number]))
    instruments = [Instrument(EXCHANGE, symbol) for symbol in symbols]
    full = await store.read_latest(instruments, M1, WANTED)
    expected = range(STORED - WANTED, STORED)
    assert full == {each: [candle(each.symbol, minute) for minute in expected] for each in instruments}
    views = [FormingCandle(candle(symbol, STORED), START + STORED * MINUTE + 15_000) for symbol in symbols]
    reader = CandleReader(store, M1, LogicEngineSection().hole_patience)
    wants = {each: Want(START + (STORED - 1) * MINUTE, 0) for each in instruments}

    async def cycle(_: int) -> None:
        found = await reader.read(wants)
        forming = await store.read_forming(instruments, M1)
        assert len(found) == len(forming) == len(symbols)

    async def commit(number: int) -> None:
        await store.commit(
            [Book(BookKey("rsi_divergence", *each), number, state={"x": [0.5] * 50}) for each in instruments]
        )

    return {
        "minute flush": flush,
        "forming views": await timed(rounds, lambda _: store.write_forming(views)),
        f"full read, {WANTED} each": await timed(rounds, lambda _: store.read_latest(instruments, M1, WANTED)),
        "steady cycle": await timed(rounds, cycle),
        "commit of all books": await timed(rounds, commit),
    }


def show(symbols: int, store: Figures, rows: Figures) -> None:
    print(f"{symbols} symbols; ms of wall (client CPU)")
    print(f"{'':24}{'hour rows':>18}{'row per candle':>18}{'ratio':>8}")
    for name, (wall, cpu) in store.items():
        line = f"{name:24}{f'{wall * 1000:.0f} ({cpu * 1000:.0f})':>18}"
        if name in rows:
            other, other_cpu = rows[name]
            line += f"{f'{other * 1000:.0f} ({other_cpu * 1000:.0f})':>18}{other / wall:7.1f}x"
        print(line)
    full = f"full read, {WANTED} each"
    share, ratio = store["steady cycle"][0] / CYCLE, rows[full][0] / store[full][0]
    print(
        f"steady cycle: {share:.2%} of {CYCLE:.0f} s (at most 2 %); full read: {ratio:.1f} times as fast (at least 4)"
    )


async def run(symbols: list[str], rounds: int) -> tuple[Figures, Figures]:
    emulator = bigtable_emulator.start()
    try:
        store = create(Options(emulator_host=emulator.address, instance="hours"), create_clock(ClockOptions()))
        figures = await measure_store(store, symbols, rounds)
        await store.close()
        client = BigtableClient(Place("local", "rows", emulator.address), 60.0)
        rows = await measure_rows(RowPerCandle(client), symbols, rounds)
        await client.close()
    finally:
        emulator.stop()
    return figures, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--looks", action="store_true")
    options = parser.parse_args()
    SLICES.extend((15_000, 30_000, 45_000, 60_000) if options.looks else ())
    figures, rows = asyncio.run(run([f"S{number:04}USDT" for number in range(options.symbols)], options.rounds))
    show(options.symbols, figures, rows)


if __name__ == "__main__":
    main()
