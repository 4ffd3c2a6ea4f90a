"""Settings in, services out: the only file that knows which adapter stands behind which port.

Adapters are made when a service first asks for them, and a service is imported when it is made: a process that runs one
service loads only what that service needs.
"""

import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.adapters import loader
from shared.adapters.wire import machine_process
from shared.domain.timeframe import Timeframe
from shared.engine.bias_gate import GateLimits
from shared.engine.entry_check import EntryPolicy
from shared.engine.macro_calibration import FITTED, Calibration
from shared.errors import ConfigurationError, InvalidInput
from shared.ports import Bus, CandleStore, ChartRenderer, Clock, MarketHistory, Notifier, OutboxStore, Store, TradeFeed
from shared.runtime.service import Service
from shared.runtime.settings import Settings

if TYPE_CHECKING:
    from services.macro_engine.macro_round import MacroRound

SERVICES = ("backfiller", "aggregator", "logic_engine", "telegram_notifier", "macro_engine", "ingestor")
"""Every service of the platform, in the order in which they are best started: readers before writers."""

ALL = ("sandbox", *SERVICES)
"""With the local world that a demo runs against."""

_NEEDS = {
    "sandbox": ("clock",),
    "ingestor": ("clock", "bus", "exchanges"),
    "aggregator": ("clock", "bus", "stores"),
    "backfiller": ("clock", "bus", "stores", "exchanges"),
    "logic_engine": ("clock", "bus", "stores"),
    "macro_engine": ("clock", "bus", "stores"),
    "telegram_notifier": ("clock", "bus", "stores", "notifiers", "charts"),
}


class Market(TradeFeed, MarketHistory):
    """What an exchange adapter offers: live trades and the past."""

    async def close(self) -> None:
        """Let go of connections."""


class Wiring:
    """Makes services and the adapters behind them, each adapter once.

    Args:
        settings: What the operator chose.
        given: Ready-made adapters by kind (``{"clock": ...}``) that are used instead of the chosen ones.
    """

    def __init__(self, settings: Settings, given: Mapping[str, Any] | None = None) -> None:
        self.settings = settings
        self._given = dict(given or {})
        self._to_close: list[Callable[[], Any]] = []

    def check(self, names: Sequence[str]) -> None:
        """Validate all that the named services need, without opening anything.

        Raises:
            ConfigurationError: Every fault, one a line.
        """
        unknown = [name for name in names if name not in ALL]
        if unknown:
            raise ConfigurationError(f"unknown service {', '.join(unknown)}; known: {', '.join(sorted(ALL))}")
        faults = []
        needed: set[tuple[str, str | None]] = {
            (kind, None) for name in names for kind in _NEEDS[name] if kind not in self._given
        }
        if "telegram_notifier" in names and self._own_outbox:
            needed.add(("stores", self.settings.outbox))
        if "macro_engine" in names and self.settings.macro_exchange:
            needed.add(("exchanges", self.settings.macro_exchange))
        for kind, name in sorted(needed, key=str):
            try:
                self.settings.options(kind, name)
            except ConfigurationError as error:
                faults.append(str(error))
        if "logic_engine" in names:
            faults += self._strategy_faults() + self._gate_faults()
        if "macro_engine" in names:
            faults += self._calibration_faults()
        if "telegram_notifier" in names and not self.settings.telegram_notifier.chats:
            faults.append(
                "telegram_notifier.chats is empty; name the channel: "
                "TRACKER__TELEGRAM_NOTIFIER__CHATS=@my_channel (the bot must be its administrator)"
            )
        if faults:
            raise ConfigurationError("\n".join(faults))

    def _strategy_faults(self) -> list[str]:
        from services.logic_engine.strategy_loader import makers

        try:
            makers(self.strategies(), self.settings.symbols)
        except ConfigurationError as error:
            return [str(error)]
        return []

    def _gate_faults(self) -> list[str]:
        try:
            self._policy()
        except InvalidInput as error:
            return [f"macro_gate.{error}"]
        return []

    def _policy(self) -> EntryPolicy:
        """What is asked of entries besides their strategies."""
        gate = self.settings.macro_gate
        limits = GateLimits(gate.activate, gate.release, gate.neutral_size) if gate.enabled else None
        return EntryPolicy(limits, self.settings.paper.risk)

    def _calibration_faults(self) -> list[str]:
        try:
            self._calibration()
        except InvalidInput as error:
            return [f"macro_engine.{error}"]
        return []

    def _calibration(self) -> Calibration:
        """From score to confidence, as set or as fitted."""
        section = self.settings.macro_engine
        return Calibration(section.calibration or FITTED.steps, section.directional_from)

    def strategies(self) -> dict[str, Mapping[str, Any]]:
        """Parameters of each strategy and shadow that runs."""
        from services.logic_engine.strategy_loader import shadow_sections

        settings = self.settings
        told = {name: settings.strategies.get(name, {}) for name in settings.logic_engine.strategies}
        return {**told, **shadow_sections(settings.strategies, settings.shadows)}

    def services(self, names: Sequence[str]) -> list[Service]:
        """The named services, in starting order."""
        return [getattr(self, f"_{name}")() for name in ALL if name in names]

    async def close(self) -> None:
        """Close every adapter that was made, the last one first; one that fails does not keep the others open."""
        async with contextlib.AsyncExitStack() as stack:
            for close in self._to_close:
                stack.push_async_callback(close)

    @cached_property
    def clock(self) -> Clock:
        """What time it is."""
        clock: Clock = self._given.get("clock") or loader.load("clock", self.settings.clock).create(
            self.settings.options("clock")
        )
        return clock

    @cached_property
    def bus(self) -> Bus:
        """What carries messages."""
        bus: Bus = self._make("bus")
        return bus

    @cached_property
    def store(self) -> Store:
        """What keeps candles, books and signals."""
        store: Store = self._make("stores")
        if not isinstance(store, CandleStore):
            raise ConfigurationError(f"store: {self.settings.store!r} keeps no candles; name it as outbox instead")
        return store

    @cached_property
    def outbox(self) -> OutboxStore:
        """What keeps the outbox: the store, or the technology chosen for it."""
        if not self._own_outbox:
            return self.store
        outbox: OutboxStore = self._make("stores", self.settings.outbox)
        return outbox

    @cached_property
    def market(self) -> Market:
        """The exchange."""
        market: Market = self._make("exchanges")
        return market

    @cached_property
    def macro_history(self) -> MarketHistory | None:
        """Where the larger trend is read; None for our own candles alone."""
        name = self.settings.macro_exchange
        history = self._make("exchanges", name) if name else None
        if history is not None and not isinstance(history, MarketHistory):
            raise ConfigurationError(f"macro_exchange: {name!r} has no candles to ask for; name another, or none")
        return history

    @cached_property
    def notifier(self) -> Notifier:
        """The way to people."""
        notifier: Notifier = self._make("notifiers")
        return notifier

    @cached_property
    def charts(self) -> ChartRenderer:
        """What draws."""
        charts: ChartRenderer = self._make("charts")
        return charts

    @cached_property
    def _machine_clock(self) -> Clock:
        module = loader.load("clock", "system")
        clock: Clock = module.create(module.Options())
        return clock

    @property
    def _own_outbox(self) -> bool:
        return self.settings.outbox not in ("", self.settings.store)

    def _make(self, kind: str, name: str | None = None) -> Any:
        if kind in self._given and name is None:
            return self._given[kind]
        module = loader.load(kind, name.partition("-")[0] if name else self.settings.adapter(kind))
        # An exchange lives in market time. What carries, keeps and tells runs by the machine's clock: leases and pauses
        # are real even where market time is not. A renderer draws what it is given.
        clock = self.clock if kind == "exchanges" else self._machine_clock
        needs = () if kind == "charts" else (clock,)
        adapter = module.create(self.settings.options(kind, name), *needs)
        self._to_close.append(adapter.close)
        return adapter

    def _sandbox(self) -> Service:
        from services.sandbox import service

        section = self.settings.sandbox
        market, last = self._sandbox_market()
        return service.create(
            clock=self.clock,
            market=market,
            speed=getattr(self.settings.options("clock"), "speed", 1.0),
            end=last,
            **section.model_dump(exclude={"minutes", "trades", "trades_format", "trades_symbol"}),
        )

    def _sandbox_market(self) -> tuple[Any, int | None]:
        """The sandbox's market, recorded or generated, and the end of its trades (ms UTC; None for never)."""
        section, now = self.settings.sandbox, self.clock.now()
        span = section.minutes * Timeframe.M1.millis
        if not section.trades:
            from services.sandbox.generated_market import GeneratedMarket

            generated = GeneratedMarket(seed=section.seed, start=now, symbols=self.settings.symbols)
            return generated, generated.start + span if span else None
        from services.sandbox.recorded_market import open_recording

        symbol = section.trades_symbol or ", ".join(self.settings.symbols)
        recorded = open_recording([Path(name) for name in section.trades], symbol, section.trades_format)
        if now >= recorded.end:
            raise ConfigurationError(
                "sandbox.trades: the recording is over by the clock; set TRACKER__CLOCK=scaled and "
                f"TRACKER__SCALED__MARKET_START={recorded.start}"
            )
        return recorded, min(recorded.end, recorded.history_start + span) if span else recorded.end

    def _ingestor(self) -> Service:
        from services.ingestor import service
        from services.ingestor.clock_watch import VenueClock

        return service.create(
            feed=self.market,
            history=self.market if isinstance(self.market, MarketHistory) else None,
            venue_clock=self.market if isinstance(self.market, VenueClock) else None,
            bus=self.bus,
            clock=self.clock,
            symbols=self.settings.symbols,
            run_prefix=uuid.uuid4().hex[:12],
            **self.settings.ingestor.model_dump(),
        )

    def _aggregator(self) -> Service:
        from services.aggregator import service

        return service.create(
            bus=self.bus,
            store=self.store,
            documents=self.store,
            clock=self.clock,
            machine_clock=self._machine_clock,
            holder=machine_process.own_name(),
            # Only a store on this machine is shared by processes of this machine alone.
            is_gone=machine_process.is_gone if self.settings.store == "sqlite" else lambda _: False,
            exchange=self.settings.exchange,
            **self.settings.aggregator.model_dump(),
        )

    def _backfiller(self) -> Service:
        from services.backfiller import service

        ingestor = self.settings.ingestor
        return service.create(
            history=self.market,
            store=self.store,
            documents=self.store,
            bus=self.bus,
            clock=self.clock,
            symbols=self.settings.symbols,
            open_mode=self.settings.aggregator.open_mode,
            counts_marked=ingestor.include_block_trades or ingestor.include_rpi,
            **self.settings.backfiller.model_dump(),
        )

    def _logic_engine(self) -> Service:
        from services.logic_engine import service

        return service.create(
            bus=self.bus,
            store=self.store,
            ledger=self.store,
            documents=self.store,
            clock=self.clock,
            exchange=self.settings.exchange,
            symbols=self.settings.symbols,
            **self.settings.logic_engine.model_dump(exclude={"strategies"}),
            strategies=self.strategies(),
            policy=self._policy(),
        )

    def macro_round(self) -> "MacroRound":
        """What the macro engine does every 5 minutes, and the Cloud Function once a call."""
        from services.macro_engine.macro_round import MacroRound

        return MacroRound(
            self.macro_history,
            self.store,
            self.bus,
            exchange=self.settings.exchange,
            symbols=self.settings.symbols,
            calibration=self._calibration(),
            ttl=self.settings.macro_engine.ttl,
        )

    def _macro_engine(self) -> Service:
        from services.macro_engine import service

        return service.create(work=self.macro_round(), clock=self.clock, delay=self.settings.macro_engine.delay)

    def _telegram_notifier(self) -> Service:
        from services.telegram_notifier import service

        return service.create(
            bus=self.bus,
            store=self.store,
            ledger=self.store,
            outbox=self.outbox,
            documents=self.store,
            notifier=self.notifier,
            charts=self.charts,
            clock=self.clock,
            **self.settings.telegram_notifier.model_dump(),
        )
