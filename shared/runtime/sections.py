"""The sections of the settings that belong to the services: what can be set, its unit, its default, its bounds."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.domain.candle import OpenMode
from shared.domain.timeframe import Timeframe

Millis = Annotated[int, Field(gt=0)]


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A list that may be written with commas, as environment variables need it."""


class Section(BaseModel):
    """A section: unknown keys are refused, values do not change after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IngestorSection(Section):
    """Trades from the venue to the bus.

    Attributes:
        pack_millis: A pack leaves after this time at the latest.
        shards: Number of independent streams; an aggregator works on one or more of them.
        include_block_trades: Whether off-book trades count in candles.
        include_rpi: Whether retail-price-improvement fills count in candles.
        clock_alarm: ms by which this machine's clock may differ from the venue's before health says so.
    """

    pack_millis: Millis = 100
    shards: int = Field(default=1, ge=1, le=64)
    include_block_trades: bool = False
    include_rpi: bool = True
    clock_alarm: Millis = 500


class AggregatorSection(Section):
    """Trades to candles. All times are event time in ms, but for the lease.

    Attributes:
        open_mode: What a candle opens with; ``previous_close`` equals Bybit's own candles.
        grace: How far the watermark must be past a minute's end before the minute closes.
        patience: How long a minute that is not wholly covered waits before it closes as incomplete.
        retention: How long closed minutes stay in memory for late trades.
        forming_every: Pause between two writes of the forming candles.
        lease_millis: ms of the machine's time after which another aggregator takes over from one that was killed; on
            a SQLite store it takes over at once.
    """

    open_mode: OpenMode = OpenMode.PREVIOUS_CLOSE
    grace: int = Field(default=500, ge=0)
    patience: int = Field(default=15_000, ge=0)
    retention: Millis = 300_000
    forming_every: Millis = 3_000
    lease_millis: int = Field(default=10_000, ge=100)


class BackfillerSection(Section):
    """History and healing.

    Attributes:
        warm_up: Candles of history that every symbol has at least, in minutes before the start.
        audit_every: Pause in ms between two comparisons of our candles with the exchange's own; 0 for none.
    """

    warm_up: int = Field(default=1_000, ge=0, le=100_000)
    audit_every: int = Field(default=60_000, ge=0)


class LogicEngineSection(Section):
    """Candles to signals.

    Attributes:
        interval: Length of the loop in ms, aligned to the clock.
        hole_patience: Candles behind a missing or incomplete one before the strategies start anew behind it.
        stale_after: ms without a new complete candle after which the channel is told that a symbol is paused; 0 for
            never.
        strategies: Names of the strategies that run.
        timeframe: Candles the strategies read.
        live_from: ms UTC; what closed before it only warms up a strategy that has no memory yet. Default: the start.
    """

    interval: Millis = 15_000
    hole_patience: int = Field(default=5, ge=0)
    stale_after: int = Field(default=180_000, ge=0)
    strategies: Names = ("rsi_divergence",)
    timeframe: Timeframe = Timeframe.M1
    live_from: int | None = None


class MacroEngineSection(Section):
    """The larger trend.

    Attributes:
        delay: ms behind the end of a 5-minute candle after which the venue is asked for it.
        ttl: How long a bias holds, ms.
        directional_from: Confidence below which a bias is neutral.
        calibration: Pairs of a score's least size (0 to 1) and its confidence (0 to 100), ascending; empty for the
            table that was fitted on recorded candles (docs/macro-bias.md).
    """

    delay: int = Field(default=5_000, ge=0, lt=300_000)
    ttl: Millis = 14_400_000
    directional_from: float = Field(default=55.0, ge=0, le=100)
    calibration: tuple[tuple[float, float], ...] = ()


class MacroGateSection(Section):
    """What the macro bias does to entries. How long a bias holds is said by the bias itself (`macro_engine.ttl`).

    Attributes:
        enabled: Whether the logic engine listens to the macro bias at all.
        activate: Confidence (0 to 100) from which a direction becomes active and blocks entries against it.
        release: Confidence below which an active direction is released; at most `activate`.
        neutral_size: Share of the usual size that is advised while no direction is active; 0.5 halves it.
    """

    enabled: bool = True
    activate: float = Field(default=80.0, ge=0, le=100)
    release: float = Field(default=70.0, ge=0, le=100)
    neutral_size: float = Field(default=1.0, ge=0, le=1)


class PaperSection(Section):
    """Advice on sizes, and the account on paper that `tracker league` leads. No setting changes which signals exist.

    Attributes:
        equity: Of the account at its start, in the quote currency.
        risk: Share of the equity that one stop loss may cost; 0 for no advice.
        max_risk: Share of the equity that all open positions together may cost.
        max_open: Most positions at once.
        drawdown_pause: Fall from the highest equity of the UTC day, as a share of it, after which the account takes no
            entry for the rest of the day; 0 for no pause.
        fee: Of each side, as a share of its value.
        slippage: Of each side, as a share of the price, always against us.
    """

    equity: float = Field(default=10_000.0, gt=0)
    risk: float = Field(default=0.005, ge=0, le=1)
    max_risk: float = Field(default=0.02, ge=0, le=1)
    max_open: int = Field(default=5, ge=1)
    drawdown_pause: float = Field(default=0.02, ge=0, lt=1)
    fee: float = Field(default=0.0006, ge=0, lt=1)
    slippage: float = Field(default=0.0002, ge=0, lt=1)


class TelegramNotifierSection(Section):
    """Signals to people.

    Attributes:
        chats: Chat or channel ids, or ``@names``; every signal goes to each of them.
        budget_per_minute: Messages and edits per chat and minute; 0 for no limit.
        late_after: Age in ms beyond which a message says by how much it is late.
        late_ttl: Age in ms beyond which a signal is not told any more; exits of a signal that was told always are.
    """

    chats: Names = ()
    budget_per_minute: int = Field(default=18, ge=0)
    late_after: Millis = 60_000
    late_ttl: Millis = 900_000


class PageSection(Section):
    """The page with health and metrics.

    Attributes:
        host: Address it listens on; 0.0.0.0 inside a container.
        port: TCP port; 0 takes a free one.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)


class LogSection(Section):
    """Logs on stderr.

    Attributes:
        level: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``.
        json_lines: One JSON object a line, for machines; plain lines for people otherwise.
    """

    level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    json_lines: bool = False


class SandboxSection(Section):
    """The local exchange and chat service, when it runs as a service of its own.

    Attributes:
        host: Address it listens on.
        port: TCP port; 0 takes a free one.
        seed: Of the generated market: equal seeds, equal trades.
        chat: The channel: ``@name`` or ``-100...``.
        operations_chat: A second chat, where forwarded messages go; the page does not show it.
        token: The bot's token: ``<digits>:<anything>``; worth nothing anywhere else.
        minutes: Market minutes after which no more trades are made; 0 for never, or for the end of the recording.
        trades: Trade files whose recording is played instead of a generated market; their time is market time.
        trades_format: How these files are written; ``auto`` to recognise it.
        trades_symbol: Symbol to play, as the files spell it; empty for the only one of `symbols`.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=0, le=65_535)
    seed: int = 7
    chat: str = "@sandbox_signals"
    operations_chat: str = "@sandbox_operations"
    token: str = "1:sandbox"  # noqa: S105 - the sandbox's own
    minutes: int = Field(default=0, ge=0)
    trades: Names = ()
    trades_format: str = "auto"
    trades_symbol: str = ""
