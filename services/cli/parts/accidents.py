"""A seed and how much is to go wrong in, a schedule of accidents over market time out. Pure.

Kills and their like fall into equal slots, at a random moment of each: they cover the whole span and still come at
random points of the services' work.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

from shared.errors import InvalidInput


class AccidentKind(StrEnum):
    """What happens."""

    KILL = "kill"
    PAUSE = "pause"
    DISK_FULL = "disk_full"
    CLOCK_JUMP = "clock_jump"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Accident:
    """One accident.

    Attributes:
        at: Market time, ms UTC.
        kind: What happens.
        target: The process, or the name of the sandbox's fault.
        value: PAUSE and DISK_FULL: how long, ms of the machine. CLOCK_JUMP: by how much the clock is wrong from now
            on, ms of market time. FAULT: the fault's setting. KILL: nothing.
    """

    at: int
    kind: AccidentKind
    target: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """How often each kind is wanted; `faults` by the sandbox's name of the fault."""

    kills: int = 0
    pauses: int = 0
    disk_fulls: int = 0
    clock_jumps: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)


_LEAST_MILLIS, _MOST_MILLIS = 100, 2_500  # of a standstill or a full disk: around the lease of the local bus
_JUMP_MILLIS = 5_000
_METHOD = "sendMessage"  # other calls, such as the eternal getUpdates, would use a Telegram fault up
_REFUSALS = ("region", "rate", "unavailable_for_legal_reasons")

_SETTINGS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "ws_drop": lambda dice: {"value": dice.choice((1000, 1001, 1006, 1011))},
    "ws_half_open": lambda dice: {"value": True, "times": dice.randint(1, 50)},
    "ws_no_pong": lambda dice: {"value": True, "times": dice.randint(1, 3)},
    "ws_refuse": lambda dice: {"value": dice.choice(_REFUSALS), "times": dice.randint(1, 3)},
    "ws_stale_trades": lambda dice: {"value": dice.randint(1, 200), "times": 1},
    "ws_duplicate": lambda dice: {"value": dice.randint(1, 3), "times": dice.randint(1, 200)},
    "ws_stall": lambda dice: {"value": dice.randint(1_000, 120_000), "times": 1},
    "ws_delay": lambda dice: {"value": dice.randint(100, 60_000), "for_ms": dice.randint(60_000, 600_000)},
    "ws_reorder": lambda dice: {"value": dice.randint(1, 5), "times": dice.randint(1, 20)},
    "ws_truncate": lambda dice: {"value": 1, "times": dice.randint(1, 2)},
    "ws_garbage": lambda dice: {"value": dice.randint(1, 5), "times": dice.randint(1, 20)},
    "rest_refuse": lambda dice: {"value": dice.choice(_REFUSALS), "times": dice.randint(1, 3)},
    "rest_slow": lambda dice: {"value": dice.randint(1_000, 120_000), "times": dice.randint(1, 3)},
    "rest_swallow": lambda dice: {"value": True, "times": dice.randint(1, 3)},
    "rest_truncate": lambda dice: {"value": True, "times": dice.randint(1, 3)},
    "telegram_rate": lambda dice: {"value": 1, "times": dice.randint(1, 2), "method": _METHOD},
    "telegram_error": lambda dice: {"value": dice.choice((500, 502, 504)), "times": dice.randint(1, 2)},
    "telegram_slow": lambda dice: {"value": dice.randint(1_000, 60_000), "times": 1, "method": _METHOD},
    "telegram_swallow": lambda _: {"value": True, "times": 1, "method": _METHOD},
    "telegram_refuse": lambda dice: {"value": True, "times": dice.randint(1, 3), "method": _METHOD},
}


def parse_faults(text: str) -> dict[str, int]:
    """``ws_drop=20,ws_duplicate=5`` as counts by fault; ``all=3`` means each that there is.

    Raises:
        InvalidInput: An unknown fault, or a count that is no positive number.
    """
    counts: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        if not (number.isascii() and number.isdecimal() and int(number)):
            raise InvalidInput(f"--faults {part!r} is no NAME=NUMBER with a number above 0")
        if name != "all" and name not in _SETTINGS:
            raise InvalidInput(f"--faults {name!r} is not known; known: all, {', '.join(_SETTINGS)}")
        for each in _SETTINGS if name == "all" else (name,):
            counts[each] = counts.get(each, 0) + int(number)
    return counts


def schedule(
    seed: int, start: int, end: int, wishes: Wishes, *, services: Sequence[str], others: Sequence[str] = ()
) -> tuple[Accident, ...]:
    """Accidents in ``start <= at < end`` (ms UTC), ascending; equal arguments give equal schedules.

    Args:
        seed: Of all that is random.
        start: Of the span.
        end: Of the span.
        wishes: How much.
        services: What is killed, stopped, deprived of room or misled about the time.
        others: What is only stopped: a broker, a database.
    """
    found: list[Accident] = []
    for kind, count, targets in (
        (AccidentKind.KILL, wishes.kills, services),
        (AccidentKind.PAUSE, wishes.pauses, (*services, *others)),
        (AccidentKind.DISK_FULL, wishes.disk_fulls, services),
        (AccidentKind.CLOCK_JUMP, wishes.clock_jumps, services),
    ):
        dice = Random(f"{seed}/{kind}")  # noqa: S311 - which one dies is no secret
        found += [
            Accident(at, kind, dice.choice(targets), _value(kind, dice)) for at in _moments(dice, count, start, end)
        ]
    for name, count in sorted(wishes.faults.items()):
        dice = Random(f"{seed}/fault/{name}")  # noqa: S311 - (see above)
        found += [
            Accident(at, AccidentKind.FAULT, name, _SETTINGS[name](dice)) for at in _moments(dice, count, start, end)
        ]
    return tuple(sorted(found, key=lambda accident: (accident.at, accident.kind, accident.target)))


def _moments(dice: Random, count: int, start: int, end: int) -> list[int]:
    return [start + int((end - start) * (slot + dice.random()) / count) for slot in range(count)]


def _value(kind: AccidentKind, dice: Random) -> int | None:
    if kind in (AccidentKind.PAUSE, AccidentKind.DISK_FULL):
        return dice.randint(_LEAST_MILLIS, _MOST_MILLIS)
    return dice.choice((-_JUMP_MILLIS, _JUMP_MILLIS)) if kind is AccidentKind.CLOCK_JUMP else None
