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
    """

    pack_millis: Millis = 100
    shards: int = Field(default=1, ge=1, le=64)
    include_block_trades: bool = False
    include_rpi: bool = True


class AggregatorSection(Section):
    """Trades to candles. All times are event time in ms.

    Attributes:
        open_mode: What a candle opens with; ``previous_close`` equals Bybit's own candles.
        grace: How far the watermark must be past a minute's end before the minute closes.
        patience: How long a minute that is not wholly covered waits before it closes as incomplete.
        retention: How long closed minutes stay in memory for late trades.
        forming_every: Pause between two writes of the forming candles.
    """

    open_mode: OpenMode = OpenMode.PREVIOUS_CLOSE
    grace: int = Field(default=500, ge=0)
    patience: int = Field(default=15_000, ge=0)
    retention: Millis = 300_000
    forming_every: Millis = 3_000


class BackfillerSection(Section):
    """History and healing.

    Attributes:
        warm_up: Candles of history that every symbol has at least, in minutes before the start.
    """

    warm_up: int = Field(default=1_000, ge=0, le=100_000)


class LogicEngineSection(Section):
    """Candles to signals.

    Attributes:
        interval: Length of the loop in ms, aligned to the clock.
        hole_patience: Candles behind a missing or incomplete one before the strategies start anew behind it.
        strategies: Names of the strategies that run.
        timeframe: Candles the strategies read.
        live_from: ms UTC; what closed before it only warms up a strategy that has no memory yet. Default: the start.
    """

    interval: Millis = 15_000
    hole_patience: int = Field(default=5, ge=0)
    strategies: Names = ("rsi_divergence",)
    timeframe: Timeframe = Timeframe.M1
    live_from: int | None = None


class TelegramNotifierSection(Section):
    """Signals to people.

    Attributes:
        chats: Chat or channel ids, or ``@names``; every signal goes to each of them.
        budget_per_minute: Messages and edits per chat and minute; 0 for no limit.
    """

    chats: Names = ()
    budget_per_minute: int = Field(default=18, ge=0)


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
        token: The bot's token: ``<digits>:<anything>``; worth nothing anywhere else.
        minutes: Market minutes after which no more trades are made; 0 for never.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=0, le=65_535)
    seed: int = 7
    chat: str = "@sandbox_signals"
    token: str = "1:sandbox"  # noqa: S105 - the sandbox's own
    minutes: int = Field(default=0, ge=0)
