"""Settings in, services out: the only file that knows which adapter stands behind which port.

Adapters are made when a service first asks for them, and a service is imported when it is made: a process that runs one
service loads only what that service needs.
"""

import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from shared.adapters import loader
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError
from shared.ports import Bus, CandleStore, ChartRenderer, Clock, MarketHistory, Notifier, OutboxStore, Store, TradeFeed
from shared.runtime.service import Service
from shared.runtime.settings import Settings

SERVICES = ("backfiller", "aggregator", "logic_engine", "telegram_notifier", "ingestor")
"""Every service of the platform, in the order in which they are best started: readers before writers."""

ALL = ("sandbox", *SERVICES)
"""With the local world that a demo runs against."""

_NEEDS = {
    "sandbox": ("clock",),
    "ingestor": ("clock", "bus", "exchanges"),
    "aggregator": ("clock", "bus", "stores"),
    "backfiller": ("clock", "bus", "stores", "exchanges"),
    "logic_engine": ("clock", "bus", "stores"),
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
        for kind, name in sorted(needed, key=str):
            try:
                self.settings.options(kind, name)
            except ConfigurationError as error:
                faults.append(str(error))
        if "logic_engine" in names:
            faults += self._strategy_faults()
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
            makers(self._strategies(), self.settings.symbols)
        except ConfigurationError as error:
            return [str(error)]
        return []

    def _strategies(self) -> dict[str, dict[str, Any]]:
        """Parameters of each strategy that runs."""
        return {name: self.settings.strategies.get(name, {}) for name in self.settings.logic_engine.strategies}

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
        module = loader.load(kind, name or self.settings.adapter(kind))
        # An exchange lives in market time. What carries, keeps and tells runs by the machine's clock: leases and pauses
        # are real even where market time is not. A renderer draws what it is given.
        clock = self.clock if kind == "exchanges" else self._machine_clock
        needs = () if kind == "charts" else (clock,)
        adapter = module.create(self.settings.options(kind, name), *needs)
        self._to_close.append(adapter.close)
        return adapter

    def _sandbox(self) -> Service:
        from services.sandbox import service
        from services.sandbox.generated_market import GeneratedMarket

        section = self.settings.sandbox
        start = self.clock.now()
        market = GeneratedMarket(seed=section.seed, start=start, symbols=self.settings.symbols)
        return service.create(
            clock=self.clock,
            market=market,
            speed=getattr(self.settings.options("clock"), "speed", 1.0),
            end=market.start + section.minutes * Timeframe.M1.millis if section.minutes else None,
            **section.model_dump(exclude={"seed", "minutes"}),
        )

    def _ingestor(self) -> Service:
        from services.ingestor import service

        return service.create(
            feed=self.market,
            history=self.market if isinstance(self.market, MarketHistory) else None,
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
            clock=self.clock,
            exchange=self.settings.exchange,
            **self.settings.aggregator.model_dump(),
        )

    def _backfiller(self) -> Service:
        from services.backfiller import service

        return service.create(
            history=self.market,
            store=self.store,
            bus=self.bus,
            clock=self.clock,
            symbols=self.settings.symbols,
            **self.settings.backfiller.model_dump(),
        )

    def _logic_engine(self) -> Service:
        from services.logic_engine import service

        return service.create(
            bus=self.bus,
            store=self.store,
            ledger=self.store,
            clock=self.clock,
            exchange=self.settings.exchange,
            symbols=self.settings.symbols,
            **self.settings.logic_engine.model_dump(exclude={"strategies"}),
            strategies=self._strategies(),
        )

    def _telegram_notifier(self) -> Service:
        from services.telegram_notifier import service

        return service.create(
            bus=self.bus,
            store=self.store,
            ledger=self.store,
            outbox=self.outbox,
            notifier=self.notifier,
            charts=self.charts,
            clock=self.clock,
            **self.settings.telegram_notifier.model_dump(),
        )
