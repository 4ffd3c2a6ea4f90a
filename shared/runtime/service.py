"""What the host asks of a service: a name, a coroutine that works until cancelled, an honest word on its health."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class HealthStatus(StrEnum):
    """State of a service, worst last."""

    OK = "ok"
    STARTING = "starting"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True)
class Health:
    """How a service is.

    Attributes:
        status: OK means that data really flows, not that the process lives.
        detail: One line for people: what is wrong, since when, and what would cure it; empty when all is well.
        facts: Figures worth seeing: counts, lags in ms, names.
    """

    status: HealthStatus
    detail: str = ""
    facts: Mapping[str, int | float | str] = field(default_factory=dict)


class Service(Protocol):
    """One service of the platform."""

    @property
    def name(self) -> str:
        """Its package's name: ``logic_engine``."""
        ...

    async def run(self) -> None:
        """Work until cancelled. On cancellation make what is in hand durable or hand it back, within 8 seconds."""
        ...

    def health(self) -> Health:
        """How it is now. Cheap; called at every request of the health page."""
        ...
