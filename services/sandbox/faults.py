"""Faults that can be switched on while the sandbox runs: a name and a setting in, "does it strike now?" out.

The table below is the whole list; a fault is one line there and one question at the place where it strikes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from services.sandbox.scenario import generator
from shared.errors import InvalidInput
from shared.ports import Clock

_REFUSALS = ("region", "rate", "unavailable_for_legal_reasons")
_MILLIS = range(1, 3_600_001)
_NTH = range(1, 1_000_001)


class Pace(StrEnum):
    """How often a fault strikes that is on."""

    ALWAYS = "always"
    ONCE = "once"
    EACH_NTH = "each nth"
    PERCENT = "percent"


class Fault(NamedTuple):
    """What happens, the value it takes (a number of a range, one of some words, or None for just true), and how often
    it strikes: for `Pace.EACH_NTH` and `Pace.PERCENT` the value says it."""

    meaning: str
    takes: range | tuple[str, ...] | None
    pace: Pace = Pace.ALWAYS


FAULTS: dict[str, Fault] = {
    "ws_drop": Fault("every connection is cut now, with this close code; 1006 resets it", range(1000, 5000), Pace.ONCE),
    "ws_half_open": Fault("pings are answered, no trades come", None),
    "ws_no_pong": Fault("pings are not answered", None),
    "ws_refuse": Fault("the upgrade is refused", _REFUSALS),
    "ws_stale_trades": Fault("the last N trades of each topic are sent before the ack", range(1, 1001)),
    "ws_duplicate": Fault("every frame of trades is sent this many times more", range(1, 11)),
    "ws_stall": Fault("all frames are held back for N ms of market time, then sent at once, in order", _MILLIS),
    "ws_delay": Fault("every frame comes N ms of market time later, in order", _MILLIS),
    "ws_reorder": Fault("every Nth frame of trades comes after the next one of its connection", _NTH, Pace.EACH_NTH),
    "ws_truncate": Fault("every Nth frame of trades is cut in the middle", _NTH, Pace.EACH_NTH),
    "ws_garbage": Fault(
        "nonsense follows every Nth frame of trades: bytes, or JSON of no known shape", _NTH, Pace.EACH_NTH
    ),
    "rest_refuse": Fault("market data requests are refused", _REFUSALS),
    "kraken_refuse": Fault("requests to Kraken are refused", ("region", "busy", "rate", "garbage")),
    "rest_slow": Fault("every answer of market data waits N ms of market time", _MILLIS),
    "rest_swallow": Fault("market data: the connection ends without an answer", None),
    "rest_truncate": Fault("market data: half of the JSON body comes", None),
    "kline_wrong": Fault(
        "the close of each minute whose number since 1970 N divides is one tick too high in the first answer that "
        "holds the finished minute, and right in later ones",
        _NTH,
        Pace.EACH_NTH,
    ),
    "telegram_rate": Fault("429 with this retry_after, in seconds", range(1, 3601)),
    "telegram_limit": Fault("429 beyond so many sends, forwards and edits a minute to a chat", range(1, 100_001)),
    "telegram_error": Fault("this server error", range(500, 600)),
    "telegram_conflict": Fault("409 to getUpdates: another process polls", None),
    "telegram_markup": Fault("400 can't parse entities, to texts with markup", None),
    "telegram_slow": Fault("every answer waits this many ms of market time", range(1, 600_001)),
    "telegram_swallow": Fault("the call is carried out, the connection ends without an answer", None),
    "telegram_timeout_share": Fault(
        "so many percent of the sends are carried out and not answered while a client waits",
        range(1, 101),
        Pace.PERCENT,
    ),
    "telegram_refuse": Fault("the connection ends before the call is read", None),
}


@dataclass(slots=True)
class _Active:
    value: int | str
    times: int | None
    method: str | None
    chat: str | None
    until: int | None
    asked: int = 0

    def concerns(self, method: str, chat: str) -> bool:
        return self.method in (None, method.lower()) and self.chat in (None, chat)


class FaultBoard:
    """The faults that are on.

    Args:
        clock: Market time, by which a fault ends.
        seed: Of what is left to chance.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._seed = seed
        self._active: dict[str, _Active] = {}
        self._draws: Counter[str] = Counter()

    def set(self, changes: Mapping[str, Any]) -> None:
        """Switch faults: ``{"ws_half_open": true, "telegram_rate": {"value": 3, "times": 2, "for_ms": 60000}}``.

        `times` ends a fault by itself after it has struck so often, `for_ms` after so many ms of market time; `method`
        and `chat` (as the calls spell it) limit a Telegram fault to one of them; null or false switches off. All
        changes are taken or none.

        Raises:
            InvalidInput: An unknown fault, or a value it does not take.
        """
        wanted = {name: _parse(name, setting, self._clock.now()) for name, setting in changes.items()}
        for name, active in wanted.items():
            if active is None:
                self._active.pop(name, None)
            else:
                self._active[name] = active

    def strike(self, name: str, *, method: str = "", chat: str = "", number: int | None = None) -> int | str | None:
        """The fault's value if it strikes here and now (which uses up one of its `times`), else None.

        Args:
            name: A fault of the table.
            method: The Telegram method that is called.
            chat: The chat it is about.
            number: Of the thing that may be struck, where every Nth is; without it the questions are counted.
        """
        active = self._find(name)
        if active is None or not active.concerns(method, chat):
            return None
        active.asked += 1
        if not self._is_due(name, active, active.asked if number is None else number):
            return None
        if active.times is not None:
            active.times -= 1
            if active.times <= 0:
                del self._active[name]
        return active.value

    def value(self, name: str, *, method: str = "", chat: str = "") -> int | str | None:
        """The fault's value if it is on, for one whose place decides whether it strikes."""
        active = self._find(name)
        return active.value if active is not None and active.concerns(method, chat) else None

    def as_json(self) -> dict[str, Any]:
        """What is on, and what there is."""
        on = {name: active for name in list(self._active) if (active := self._find(name)) is not None}
        return {
            "active": {name: {k: v for k, v in asdict(active).items() if k != "asked"} for name, active in on.items()},
            "known": {name: fault.meaning for name, fault in FAULTS.items()},
        }

    def _find(self, name: str) -> _Active | None:
        """The fault, unless it is off or its time is over."""
        active = self._active.get(name)
        if active is not None and active.until is not None and self._clock.now() >= active.until:
            del self._active[name]
            return None
        return active

    def _is_due(self, name: str, active: _Active, number: int) -> bool:
        """Whether it is the turn of thing number `number`."""
        pace = FAULTS[name].pace
        if pace is Pace.EACH_NTH:
            return number % int(active.value) == 0
        if pace is Pace.PERCENT:
            # Counted over the sandbox's life: a fault that is switched on again goes on drawing, it does not repeat.
            self._draws[name] += 1
            draw = int(generator(self._seed, name, self._draws[name]).integers(100))
            return draw < int(active.value)
        return True


def _parse(name: str, setting: object, now: int) -> _Active | None:
    """A fault's setting, or None for off."""
    if name not in FAULTS:
        raise InvalidInput(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
    if setting is None or setting is False:
        return None
    details = setting if isinstance(setting, Mapping) else {"value": setting}
    times, span = (_positive(name, key, details.get(key)) for key in ("times", "for_ms"))
    method, chat = (_filter(name, key, details.get(key)) for key in ("method", "chat"))
    unknown = set(details) - {"value", "times", "for_ms", "method", "chat"}
    if unknown:
        raise InvalidInput(
            f"fault {name}: unknown {', '.join(sorted(map(str, unknown)))}; give value, times, for_ms, method, chat"
        )
    if FAULTS[name].pace is Pace.ONCE:
        times = 1
    until = None if span is None else now + span
    return _Active(_value(name, details.get("value")), times, method.lower() if method else None, chat, until)


def _positive(name: str, key: str, value: object) -> int | None:
    if value is None or (type(value) is int and value > 0):
        return value
    raise InvalidInput(f"fault {name}: {key} must be a positive whole number, got {value!r}")


def _filter(name: str, key: str, value: object) -> str | None:
    """A method or chat; only calls of the Bot API have one, and a call that is not read has no chat."""
    if value is None:
        return None
    if not isinstance(value, str) or not name.startswith("telegram_") or (name, key) == ("telegram_refuse", "chat"):
        raise InvalidInput(f"fault {name} takes no {key} {value!r}")
    return value


def _value(name: str, value: object) -> int | str:
    """The value, if it is what the table asks for; a fault that is just on has the value 1."""
    allowed = FAULTS[name].takes
    if allowed is None and value is True:
        return 1
    if isinstance(allowed, range) and type(value) is int and value in allowed:
        return value
    if isinstance(allowed, tuple) and isinstance(value, str) and value in allowed:
        return value
    raise InvalidInput(f"fault {name} takes {'true or false' if allowed is None else allowed}, got {value!r}")
