"""Faults that can be switched on while the sandbox runs: a name and a setting in, "does it strike now?" out.

The table below is the whole list; a fault is one line there and one question at the place where it strikes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import InvalidInput

_REFUSALS = ("region", "rate", "unavailable_for_legal_reasons")

FAULTS: dict[str, tuple[str, range | tuple[str, ...] | None]] = {
    # name: what happens, and what it takes: a number of a range, one of some words, or (None) just true
    "ws_drop": ("every connection is cut now, with this close code; 1006 resets it", range(1000, 5000)),
    "ws_half_open": ("pings are answered, no trades come", None),
    "ws_no_pong": ("pings are not answered", None),
    "ws_refuse": ("the upgrade is refused", _REFUSALS),
    "ws_stale_trades": ("the last N trades of each topic are sent before the ack", range(1, 1001)),
    "ws_duplicate": ("every frame is sent this many times more", range(1, 11)),
    "rest_refuse": ("market data requests are refused", _REFUSALS),
    "telegram_rate": ("429 with this retry_after, in seconds", range(1, 3601)),
    "telegram_error": ("this server error", range(500, 600)),
    "telegram_slow": ("every answer waits this many ms of market time", range(1, 600_001)),
    "telegram_swallow": ("the call is carried out, the connection ends without an answer", None),
    "telegram_refuse": ("the connection ends before the call is read", None),
}


@dataclass(slots=True)
class _Active:
    value: int | str
    times: int | None
    method: str | None


class FaultBoard:
    """The faults that are on."""

    def __init__(self) -> None:
        self._active: dict[str, _Active] = {}

    def set(self, changes: Mapping[str, Any]) -> None:
        """Switch faults: ``{"ws_half_open": true, "telegram_rate": {"value": 3, "times": 2}}``.

        `times` ends a fault by itself after it has struck so often; `method` limits a Telegram fault to one method;
        null or false switches off. All changes are taken or none.

        Raises:
            InvalidInput: An unknown fault, or a value it does not take.
        """
        wanted = {name: _parse(name, setting) for name, setting in changes.items()}
        for name, active in wanted.items():
            if active is None:
                self._active.pop(name, None)
            else:
                self._active[name] = active

    def strike(self, name: str, method: str = "") -> int | str | None:
        """The fault's value if it strikes here and now (which uses up one of its `times`), else None."""
        active = self._active.get(name)
        if active is None or (active.method is not None and active.method != method.lower()):
            return None
        if active.times is not None:
            active.times -= 1
            if active.times <= 0:
                del self._active[name]
        return active.value

    def as_json(self) -> dict[str, Any]:
        """What is on, and what there is."""
        return {
            "active": {
                name: {"value": active.value, "times": active.times, "method": active.method}
                for name, active in self._active.items()
            },
            "known": {name: meaning for name, (meaning, _) in FAULTS.items()},
        }


def _parse(name: str, setting: object) -> _Active | None:
    """A fault's setting, or None for off."""
    if name not in FAULTS:
        raise InvalidInput(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
    if setting is None or setting is False:
        return None
    details = setting if isinstance(setting, Mapping) else {"value": setting}
    unknown = set(details) - {"value", "times", "method"}
    times, method = details.get("times"), details.get("method")
    if unknown or not (times is None or (type(times) is int and times > 0)) or not isinstance(method, str | None):
        raise InvalidInput(f"fault {name}: give a value, or an object of value, times (positive) and method")
    return _Active(_value(name, details.get("value")), times, method.lower() if method else None)


def _value(name: str, value: object) -> int | str:
    """The value, if it is what the table asks for; a fault that is just on has the value 1."""
    allowed = FAULTS[name][1]
    if allowed is None and value is True:
        return 1
    if isinstance(allowed, range) and type(value) is int and value in allowed:
        return value
    if isinstance(allowed, tuple) and isinstance(value, str) and value in allowed:
        return value
    raise InvalidInput(f"fault {name} takes {'true or false' if allowed is None else allowed}, got {value!r}")
