"""Recorded trades or candles in, the services run over them, files and a digest out."""

import asyncio
import hashlib
import json
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from services.cli.parts.disturbed_bus import DisturbedBus, Lateness
from services.cli.parts.output import read_settings
from services.cli.parts.tally import Span, Summary, Tally, count_signals
from services.wiring import Wiring
from shared.adapters.bus.memory import Disturb, MemoryBus, Options
from shared.adapters.candle_files import csv as candle_csv
from shared.adapters.clock.manual import ManualClock
from shared.adapters.clock.system import SystemClock
from shared.adapters.exchanges.recorded import RecordedExchange
from shared.adapters.recorded_candles import read_recorded_candles
from shared.adapters.wire.candle_rows import CandleReport
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.signal import Signal, SignalKind
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError, InvalidInput, InvariantViolation
from shared.messages.catalog import CANDLES, SIGNALS, TRADES, Contract, subscription
from shared.messages.codec import encode, from_json, to_json
from shared.runtime.host import Host
from shared.runtime.sections import AggregatorSection
from shared.runtime.settings import Settings, section_name

_EXCHANGE = "recorded"
_CHAT = "@replay"
_LEASE_SECONDS = 15.0
_HOUR = 3_600_000
_OUTSTANDING = 1_000_000
_DELAY_SECONDS = 60.0
_EVER = 1 << 53
_ALL = 10_000_000
_POLL_SECONDS = 0.005
_STALL_SECONDS = 120.0
_CANDLE_BATCH = 50
_REAL = SystemClock()


@dataclass(frozen=True, slots=True)
class Playback:
    """What to play, by which bus and store, and where to write; see the options of ``tracker replay``."""

    files: tuple[Path, ...]
    candles: Path | None
    symbol: str
    format_name: str
    columns: Mapping[str, str] | None
    speed: float
    disturb: Mapping[str, float]
    out: Path
    settings_file: Path | None
    bus: str = "memory"
    store: str = "memory"


@dataclass(frozen=True, slots=True)
class Accounts:
    """What became of the trades that reached the aggregator: received is the sum of folded, duplicates and lost.

    Attributes:
        trades_received: As often as they came.
        trades_folded: Taken into candles.
        duplicates: Seen before.
        late_revised: Of those folded, the ones whose minute had closed.
        lost: Older than the aggregator's memory.
        packs_delayed: Held back by the disturbance.
    """

    trades_received: int
    trades_folded: int
    duplicates: int
    late_revised: int
    lost: int
    packs_delayed: int


async def play(playback: Playback) -> tuple[Summary, Accounts]:
    """Run the services over the recording until all of it has been acted on, and write the results.

    Raises:
        InvalidInput: A file, the symbol or the folder is wrong.
        InvariantViolation: The services stopped making progress.
    """
    started = _REAL.monotonic()
    if playback.out.exists() and not playback.out.is_dir():
        raise InvalidInput(f"--out {playback.out} is no folder; choose another name")
    with TemporaryDirectory(prefix="tracker-replay-") as folder:
        messages = Path(folder, "messages.jsonl")
        stage = _Stage(playback, messages)
        try:
            trades = await stage.perform()
            candles = await stage.candles()
            signals = await stage.wiring.store.signals(_ALL)
        finally:
            await stage.wiring.close()
        calls = _calls(messages)
        digest = _write(playback.out, candles, signals, messages)
    summary = Summary(
        trades=trades,
        candles=len(candles),
        incomplete=sum(not candle.complete for candle in candles),
        entries=count_signals(signals, SignalKind.ENTRY),
        exits=count_signals(signals, SignalKind.EXIT),
        messages_sent=calls["send"],
        messages_edited=calls["edit"],
        charts=calls["send_photo"],
        symbols=1,
        market_minutes=len(candles),
        wall_seconds=round(_REAL.monotonic() - started, 2),
        digest=digest,
    )
    return summary, stage.accounts(trades)


class _Stage:
    """The services of one playback, and the knowledge of when they are done."""

    def __init__(self, playback: Playback, messages: Path) -> None:
        self._playback = playback
        self._clock = ManualClock()
        settings = _only(playback.symbol, read_settings(playback.settings_file, _overrides(playback, messages)))
        self._disturbed = _disturbed_bus(playback.disturb) if playback.disturb else None
        given = {} if self._disturbed is None else {"bus": self._disturbed}
        self.wiring = Wiring(settings, {"clock": self._clock, **given})
        self._names = ("logic_engine", "telegram_notifier") + (() if playback.candles else ("aggregator", "ingestor"))
        self._host = Host(self.wiring.services(self._names), self._clock)
        self._facts: Mapping[str, Any] = {}
        self._instrument = Instrument(_EXCHANGE, playback.symbol)

    async def perform(self) -> int:
        """Play everything; returns the number of trades."""
        self.wiring.check(self._names)
        await self._open_subscriptions()
        running = asyncio.create_task(self._host.run(), name="host")
        player = asyncio.create_task(self._play(), name="player")
        try:
            await asyncio.wait([running, player], return_when=asyncio.FIRST_COMPLETED)
            if not player.done():
                await running  # raises why the services ended
                raise InvariantViolation("the services ended before the recording did")
            return player.result()
        finally:
            health = self._host.health()
            self._facts = health["aggregator"].facts if "aggregator" in health else {}
            player.cancel()
            self._host.stop()
            await asyncio.gather(running, player, return_exceptions=True)

    async def candles(self) -> list[Candle]:
        """All candles in the store, ascending."""
        return await self.wiring.store.read(self._instrument, Timeframe.M1, 0, 1 << 62)

    def accounts(self, trades: int) -> Accounts:
        """What became of the trades, once everything is performed; an undisturbed bus delivers each once."""
        bus, facts = self._disturbed, self._facts
        return Accounts(
            trades_received=trades if bus is None else bus.received,
            trades_folded=facts.get("trades", 0),
            duplicates=facts.get("trades_duplicate", 0),
            late_revised=facts.get("trades_late", 0),
            lost=facts.get("trades_lost", 0),
            packs_delayed=0 if bus is None else bus.delayed,
        )

    async def _play(self) -> int:
        if self._playback.candles is not None:
            end = await self._publish_candles(self._playback.candles)
            trades = 0
        else:
            end, trades = await self._feed_finished()
        await self._settled(end)
        return trades

    async def _open_subscriptions(self) -> None:
        """Create what the services listen to: what is published before they do must wait for them."""
        for contract, service in self._consumers():
            view = await self.wiring.bus.subscribe(contract.topic, subscription(contract, service))
            await view.release()

    def _consumers(self) -> list[tuple[Contract, str]]:
        consumers = [(TRADES, "aggregator"), (CANDLES, "logic_engine"), (SIGNALS, "telegram_notifier")]
        return [(contract, service) for contract, service in consumers if service in self._names]

    async def _settled(self, end: int) -> None:
        """Return when everything before `end` (ms UTC) is evaluated and delivered.

        A bus of this process knows when it is idle. Of another one only its effects are seen: they are complete when
        the last candle is evaluated, or, behind a hole at the end, when nothing has changed for longer than a lease.
        """
        bus = self.wiring.bus
        if isinstance(bus, MemoryBus | DisturbedBus):
            for contract, service in self._consumers():
                await bus.idle(contract.topic, subscription(contract, service))
            while await self.wiring.outbox.unfinished():
                await self._pass_time()
            return
        tally = Tally(self.wiring, _CHAT, Span(0, end))
        missing, since = "", _REAL.monotonic()
        while now_missing := await tally.missing():
            if now_missing != missing or now_missing.startswith("not delivered"):
                missing, since = now_missing, _REAL.monotonic()
            if _REAL.monotonic() - since > _LEASE_SECONDS:
                return
            await self._pass_time()

    async def _publish_candles(self, path: Path) -> int:
        """Stand in for the aggregator: store, then publish, in batches that leave the readers room; returns the end."""
        batch: list[Candle] = []
        recorded = read_recorded_candles(
            path,
            instrument=self._instrument,
            timeframe=Timeframe.M1,
            columns=self._playback.columns,
            report=CandleReport(),
        )
        for candle in recorded:
            batch.append(candle)
            if len(batch) == _CANDLE_BATCH:
                await self._publish(batch)
                batch = []
        await self._publish(batch)
        return self._clock.now()

    async def _publish(self, batch: Iterable[Candle]) -> None:
        changed = await self.wiring.store.write(list(batch))
        bus = self.wiring.bus
        await bus.publish(
            CANDLES.topic, [encode(CANDLES, candle, message_id=str(candle.open_time)) for candle in changed]
        )
        if changed:
            self._clock.advance_to(changed[-1].close_time)
        if isinstance(bus, MemoryBus | DisturbedBus):
            await bus.idle(CANDLES.topic, subscription(CANDLES, "logic_engine"))

    async def _feed_finished(self) -> tuple[int, int]:
        """Wait until the last candle is stored; returns its end (ms UTC) and the number of trades."""
        feed = self.wiring.market
        if not isinstance(feed, RecordedExchange):
            raise ConfigurationError("a replay reads the recorded exchange")
        progress, since = -1, _REAL.monotonic()
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if feed.end is not None and self._disturbed is not None:
                await self._disturbed.let_go()
            newest = (await self.wiring.store.read_latest([self._instrument], Timeframe.M1, 1))[self._instrument]
            if feed.end is not None and newest and newest[-1].close_time >= feed.end:
                return feed.end, feed.trades
            reached = feed.trades + (newest[-1].open_time if newest else 0)
            if reached != progress:
                progress, since = reached, _REAL.monotonic()
            elif _REAL.monotonic() - since > _STALL_SECONDS:
                raise InvariantViolation(f"the replay made no progress for {_STALL_SECONDS:.0f} s")

    async def _pass_time(self) -> None:
        self._clock.advance_to(self._clock.now() + 1_000)
        await asyncio.sleep(_POLL_SECONDS)


def _only(symbol: str, settings: Settings) -> Settings:
    """Settings without shadows, which tell nobody anything, and without the strategy parameters of symbols that are not
    replayed, which would count as a mistake."""
    strategies = {
        name: parameters | {"symbols": {symbol: own[symbol]} if symbol in own else {}}
        for name, parameters in settings.strategies.items()
        for own in (parameters.get("symbols", {}),)
    }
    return settings.model_copy(update={"strategies": strategies, "shadows": {}})


def _overrides(playback: Playback, messages: Path) -> dict[str, Any]:
    recorded: dict[str, Any] = {
        "files": [str(file) for file in playback.files],
        "format": playback.format_name,
        "columns": playback.columns,
        "speed": playback.speed,
    }
    return {
        "symbols": [playback.symbol],
        "exchange": _EXCHANGE,
        "bus": playback.bus,
        "store": playback.store,
        "outbox": "",
        "notifier": "transcript",
        "charts": Settings.model_fields["charts"].default,
        "recorded": recorded if playback.files else {},
        "memory_bus": {"max_outstanding": _OUTSTANDING},
        "transcript": {"path": str(messages)},
        "aggregator": {"patience": _patience(playback.disturb), "retention": 2 * _HOUR, "forming_every": 15_000},
        # A recording is played as fast as it goes: the age of its candles and signals says nothing.
        "logic_engine": {"live_from": 0, "stale_after": 0},
        # A recording has no biases, and its digest speaks of decisions alone.
        "macro_gate": {"enabled": False},
        "paper": {"risk": 0},
        "telegram_notifier": {"chats": [_CHAT], "budget_per_minute": 0, "late_after": _EVER, "late_ttl": _EVER},
        **_own_place(playback, messages.parent),
    }


def _patience(disturb: Mapping[str, float]) -> int:
    """Nothing is missing in a calm replay. A disturbance is there to show what a live aggregator does, which waits no
    longer than by default."""
    default: int = AggregatorSection.model_fields["patience"].default
    return default if disturb else _HOUR


def _disturbed_bus(disturb: Mapping[str, float]) -> DisturbedBus:
    dup, reorder, seed = disturb.get("dup", 0.0), disturb.get("reorder", 0.0), int(disturb["seed"])
    packs, others = (
        MemoryBus(Options(max_outstanding=_OUTSTANDING, disturb=Disturb(dup=dup, reorder=share, seed=seed)))
        for share in (0.0, reorder)
    )
    delay_millis = round(disturb.get("delay_seconds", _DELAY_SECONDS) * 1000)
    return DisturbedBus(packs, others, Lateness(reorder, disturb.get("delay", 0.0), delay_millis, seed))


def _own_place(playback: Playback, folder: Path) -> dict[str, Any]:
    """Names that no other run has, so that neither finds what the other left."""
    name = f"replay-{uuid.uuid4().hex[:8]}"
    places: dict[str, dict[str, Any]] = {
        "sqlite_bus": {"path": str(folder / "bus.sqlite")},
        "sqlite_store": {"path": str(folder / "store.sqlite")},
        "pubsub_bus": {"project": name},
        "bigtable_store": {"table_prefix": f"{name}-"},
    }
    chosen = {section_name("bus", playback.bus), section_name("stores", playback.store)}
    return {section: values for section, values in places.items() if section in chosen}


def _write(out: Path, candles: Iterable[Candle], signals: Iterable[Signal], messages: Path) -> str:
    """Write the folder only now: a replay that fails leaves nothing half-written."""
    lines = b"".join(_line(signal) for signal in signals)
    try:
        out.mkdir(parents=True, exist_ok=True)
        candle_csv.write(out / "candles.csv", candles)
        (out / "signals.jsonl").write_bytes(lines)
        shutil.copyfile(messages, out / "messages.jsonl")
    except OSError as error:
        raise InvalidInput(f"--out {out}: {error.strerror}; choose another folder") from None
    return hashlib.sha256((out / "candles.csv").read_bytes() + lines).hexdigest()


def _line(signal: Signal) -> bytes:
    """A line of signals.jsonl. The rare mark is left out where there is none, so that a digest lives as long as the
    decisions do."""
    fields = from_json(to_json(signal), dict)
    if not signal.data_revised:
        del fields["data_revised"]
    return to_json(fields) + b"\n"


def _calls(path: Path) -> Counter[str]:
    with path.open(encoding="utf-8") as file:
        return Counter(json.loads(line)["method"] for line in file)
