"""The stores and the sandbox's counters in; whether all that happened has been acted on, and what was counted, out."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.cli.parts.reader import Reader
from services.wiring import Wiring
from shared.adapters.clock.system import SystemClock
from shared.domain.book import BookKey
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.shadow import told
from shared.domain.signal import Signal, SignalKind
from shared.domain.timeframe import Timeframe
from shared.errors import InvariantViolation
from shared.ports import Clock

_ALL = 1_000_000
_POLL_MILLIS = 200
_PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Span:
    """Market time from `start` to `end`, whole minutes in ms UTC."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What was counted.

    `digest` is a sha256 over what came out: of a replay, its candles.csv and signals.jsonl; of a demo, the values of
    the candles and the ids and kinds of the signals. Equal input gives equal digests, wherever it runs.
    """

    trades: int
    candles: int
    incomplete: int
    entries: int
    exits: int
    messages_sent: int
    messages_edited: int
    charts: int
    symbols: int
    market_minutes: int
    wall_seconds: float
    digest: str


class Tally:
    """Counts one demo.

    Args:
        wiring: Its stores are read.
        chat: The channel.
        span: What the demo lasts.
    """

    def __init__(self, wiring: Wiring, chat: str, span: Span) -> None:
        self._settings = wiring.settings
        self._store = wiring.store
        self._outbox = wiring.outbox
        self._chat = chat
        self._span = span

    async def wait(self, clock: Clock, reader: Reader) -> None:
        """Return when everything that happened before the end has been acted on.

        Args:
            clock: Market time.
            reader: Who waits for charts.

        Raises:
            InvariantViolation: It takes too long; names what is missing.
        """
        await clock.sleep(self._span.end - clock.now())
        real = SystemClock()
        deadline = real.monotonic() + _PATIENCE_SECONDS
        while missing := await self.missing() or await reader.missing():
            if real.monotonic() > deadline:
                raise InvariantViolation(f"{_PATIENCE_SECONDS:.0f} s after the end of the market: {missing}")
            await real.sleep(_POLL_MILLIS)

    async def missing(self) -> str:
        """What has not yet been acted on of what happened before the end; empty when all has."""
        last = self._span.end - Timeframe.M1.millis
        settings = self._settings
        keys = [
            BookKey(strategy, settings.exchange, symbol)
            for strategy in settings.logic_engine.strategies
            for symbol in settings.symbols
        ]
        books = await self._store.load_books(keys)
        behind = [key.symbol for key in keys if key not in books or books[key].evaluated_to < last]
        if behind:
            return f"not evaluated to the end: {', '.join(behind)}"
        for line in told(await self._store.signals(_ALL)):
            entry = await self._outbox.load(self._chat, line.signal_id)
            if entry is None or entry.delivered_revision < line.revision:
                return f"not delivered: {line.signal_id} ({line.kind})"
        return ""

    async def count(self, sandbox: Mapping[str, int], wall_seconds: float) -> Summary:
        """The summary.

        Args:
            sandbox: The sandbox's counters: ``trades, messages, edits, pictures``.
            wall_seconds: Real time it took.
        """
        settings, span = self._settings, self._span
        candles = [
            candle
            for symbol in settings.symbols
            for candle in await self._store.read(
                Instrument(settings.exchange, symbol), Timeframe.M1, span.start, span.end
            )
        ]
        lines = told(await self._store.signals(_ALL))
        return Summary(
            trades=sandbox["trades"],
            candles=len(candles),
            incomplete=sum(not candle.complete for candle in candles),
            entries=count_signals(lines, SignalKind.ENTRY),
            exits=count_signals(lines, SignalKind.EXIT),
            messages_sent=sandbox["messages"] - sandbox["pictures"],
            messages_edited=sandbox["edits"],
            charts=sandbox["pictures"],
            symbols=len(settings.symbols),
            market_minutes=(span.end - span.start) // Timeframe.M1.millis,
            wall_seconds=round(wall_seconds, 1),
            digest=_digest(candles, lines),
        )


def count_signals(lines: Iterable[Signal], kind: SignalKind) -> int:
    """Signals that have a line of this kind; one that was repeated, because data was revised, counts once."""
    return len({line.signal_id for line in lines if line.kind is kind})


def _digest(candles: Sequence[Candle], lines: Sequence[Signal]) -> str:
    """Independent of who made a candle: a first minute may be ours, or healed by the venue's kline."""
    rows = [
        f"{c.symbol},{c.open_time},{c.open.normalize()},{c.high.normalize()},{c.low.normalize()},{c.close.normalize()},"
        f"{c.quantity.normalize()},{c.turnover.normalize()}"
        for c in candles
    ]
    said = sorted({f"{line.signal_id}/{line.kind}" for line in lines})
    return hashlib.sha256("\n".join([*rows, *said]).encode()).hexdigest()
