"""Every message of the platform on one page: who sends what to whom, where."""

from dataclasses import dataclass
from typing import Any

from shared.domain.candle import Candle
from shared.domain.macro_bias import MacroBias
from shared.domain.notice import Notice
from shared.domain.signal import Signal
from shared.domain.trade import TradePack


@dataclass(frozen=True, slots=True)
class Contract:
    """One kind of message.

    Attributes:
        name: The ``type`` attribute.
        version: Version of the body. An additive change (a new field with a default) keeps it; anything else is a new
            version and an upcaster.
        payload: The domain value that is the body, as JSON.
        topic: Where it is published.
        producers: Services that publish it.
        consumers: Services that read it; each has the subscription ``<topic>-<service>``.
        dead_letter: Topic of what no consumer could handle; None where a message loses its worth within seconds.
    """

    name: str
    version: int
    payload: type[Any]
    topic: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    dead_letter: str | None = None


TRADES = Contract(
    name="trades",
    version=1,
    payload=TradePack,
    topic="raw-tick-data-bybit",
    producers=("ingestor",),
    consumers=("aggregator",),
)
CANDLES = Contract(
    name="candle",
    version=1,
    payload=Candle,
    topic="candles-1m",
    producers=("aggregator", "backfiller"),
    consumers=("logic_engine", "backfiller"),
)
SIGNALS = Contract(
    name="signal",
    version=1,
    payload=Signal,
    topic="trade-signals-micro",
    producers=("logic_engine",),
    consumers=("telegram_notifier",),
    dead_letter="trade-signals-micro-dead",
)
NOTICES = Contract(
    name="notice",
    version=1,
    payload=Notice,
    topic="data-notices",
    producers=("logic_engine",),
    consumers=("telegram_notifier",),
    dead_letter="data-notices-dead",
)
MACRO_BIAS = Contract(
    name="macro_bias",
    version=1,
    payload=MacroBias,
    topic="macro-bias-updates",
    producers=("macro_engine",),
    consumers=("logic_engine",),
    dead_letter="macro-bias-updates-dead",
)

CONTRACTS: tuple[Contract, ...] = (TRADES, CANDLES, SIGNALS, NOTICES, MACRO_BIAS)


def subscription(contract: Contract, service: str) -> str:
    """Name of a service's subscription; underscores become hyphens, as cloud names want it."""
    return f"{contract.topic}-{service.replace('_', '-')}"
