"""A chaos plan in, the settings of its services out: what fast time and many deaths demand of them."""

import uuid
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from services.cli.parts.accidents import Wishes
from services.cli.parts.stage import CHAT, TOKEN, clock_alarm, lateness, stale_after
from shared.domain.timeframe import Timeframe
from shared.runtime.sections import SandboxSection

EXCHANGE = "bybit-linear"
"""What the sandbox is taken for; candles do not depend on it."""

_LEASE_MILLIS = 1_000  # of the machine: what a dead process held is back long before
_PACK_MILLIS = 25  # of the machine
_FORMING_MILLIS = 100  # of the machine
_HOLE_SECONDS = 120.0  # of the machine; a strategy that began anew behind a hole would not be comparable


@dataclass(frozen=True, slots=True)
class ChaosPlan:
    """What to run; see the options of ``tracker chaos``.

    Attributes:
        files: The recording.
        format_name: How it is written.
        symbol: Compact pair.
        minutes: Length of the part that is played; None for all of it.
        history: Minutes at the beginning that are the venue's past when the services start.
        speed: Market time against real time.
        seed: Of the schedule.
        wishes: What goes wrong, how often.
        bus: ``sqlite`` or ``pubsub``.
        store: ``sqlite`` or ``bigtable``.
    """

    files: tuple[Path, ...]
    format_name: str
    symbol: str
    minutes: int | None
    history: int
    speed: float
    seed: int
    wishes: Wishes
    bus: str
    store: str

    @property
    def needs_cloud(self) -> bool:
        """Whether the emulators and Redis are wanted."""
        return (self.bus, self.store) != ("sqlite", "sqlite")


def environment(plan: ChaosPlan, *, market_start: int, wall_start: int, port: int, folder: Path) -> dict[str, str]:
    """Settings of all services.

    Args:
        plan: What to run.
        market_start: Market time at `wall_start`, ms UTC.
        wall_start: When market time begins to run, ms UTC of the machine.
        port: Of the sandbox.
        folder: For the local bus and store.
    """
    values = {
        "DATA_DIR": folder,
        "SYMBOLS": plan.symbol,
        "EXCHANGE": EXCHANGE,
        "MACRO_EXCHANGE": "",
        "NOTIFIER": "telegram",
        "BUS": plan.bus,
        "STORE": plan.store,
        "OUTBOX": "redis" if plan.store == "bigtable" else "",
        "CLOCK": "scaled",
        "SCALED__MARKET_START": market_start,
        "SCALED__WALL_START": wall_start,
        "SCALED__SPEED": plan.speed,
        **_sandbox(plan, port),
        **_pace(plan.speed),
    }
    return {f"TRACKER__{name}": str(value) for name, value in values.items()}


def _sandbox(plan: ChaosPlan, port: int) -> dict[str, object]:
    """The sandbox plays the recording, and everybody takes it for the world."""
    return {
        "SANDBOX__PORT": port,
        "SANDBOX__TRADES": ",".join(str(file.absolute()) for file in plan.files),
        "SANDBOX__TRADES_FORMAT": plan.format_name,
        "SANDBOX__TRADES_SYMBOL": plan.symbol,
        "SANDBOX__MINUTES": plan.minutes or 0,
        "BYBIT__REST_URL": f"http://127.0.0.1:{port}",
        "BYBIT__WS_URL": f"ws://127.0.0.1:{port}",
        "BYBIT__QUIET_PING": 0.1,
        "BYBIT__BACKOFF_FIRST": 0.2,
        "BYBIT__BAN_WAIT": 1,
        "BYBIT__SILENCE": 3_600,  # a thin market may be silent for long
        "BYBIT__TOPIC_SILENCE": 3_600,
        "TELEGRAM__TOKEN": TOKEN,
        "TELEGRAM__BASE_URL": f"http://127.0.0.1:{port}/bot",
        "TELEGRAM__OPERATIONS_CHAT": SandboxSection().operations_chat,
        "TELEGRAM_NOTIFIER__CHATS": CHAT,
        "TELEGRAM_NOTIFIER__BUDGET_PER_MINUTE": 0,
    }


def _pace(speed: float) -> dict[str, object]:
    """Times of the services are market time; leases and the time it takes to start again are the machine's.

    At 240-fold speed a lease of a second is four minutes of the market, so what waits for the packs that a dead process
    held waits in proportion, as it does by default at the speed of life.
    """
    patience = max(15_000, int(2 * _LEASE_MILLIS * speed))
    return {
        "INGESTOR__PACK_MILLIS": max(100, int(_PACK_MILLIS * speed)),
        "INGESTOR__CLOCK_ALARM": clock_alarm(speed),
        "AGGREGATOR__PATIENCE": patience,
        "AGGREGATOR__RETENTION": max(300_000, 2 * patience),
        "AGGREGATOR__FORMING_EVERY": max(3_000, int(_FORMING_MILLIS * speed)),
        **{f"TELEGRAM_NOTIFIER__{name.upper()}": millis for name, millis in lateness(speed).items()},
        "LOGIC_ENGINE__LIVE_FROM": 0,
        "LOGIC_ENGINE__STALE_AFTER": stale_after(speed),
        "LOGIC_ENGINE__HOLE_PATIENCE": max(60, ceil(_HOLE_SECONDS * 1000 * speed / Timeframe.M1.millis)),
    }


def cloud_names() -> dict[str, str]:
    """Names that no other run on the same emulators and Redis has."""
    run = f"chaos-{uuid.uuid4().hex[:8]}"
    return {
        "TRACKER__PUBSUB_BUS__PROJECT": run,
        "TRACKER__BIGTABLE_STORE__TABLE_PREFIX": f"{run}-",
        "TRACKER__REDIS_STORE__PREFIX": run,
    }
