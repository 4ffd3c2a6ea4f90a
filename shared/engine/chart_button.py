"""A signal's id in, the data of its chart button out, and back.

The data is the id itself, shortened, so that a button works for ever: after a restart, and on a message of last year.
"""

from hashlib import sha256

from shared.domain.signal import Side, signal_id

MAX_BYTES = 64
"""Most a button may carry (UTF-8): https://core.telegram.org/bots/api#inlinekeyboardbutton"""

_WHOLE = "c"
_DIGEST = "d"
_SIDES = {"L": Side.LONG, "S": Side.SHORT}


def data_for(strategy: str, symbol: str, open_time: int, side: Side) -> str:
    """Data of the button: ``c|strategy|symbol|open_time|L``.

    When that is longer than a button carries it is ``d|digest``: a digest of the id, to be looked for among the stored
    signals (see `matches`).
    """
    whole = "|".join((_WHOLE, strategy, symbol, str(open_time), side[0]))
    if len(whole.encode("utf-8", "replace")) <= MAX_BYTES:
        return whole
    return f"{_DIGEST}|{_digest(signal_id(strategy, symbol, open_time, side))}"


def id_in(data: str) -> str | None:
    """The signal id a button names; None when it carries a digest or is no chart button."""
    kind, *fields = data.split("|")
    if kind != _WHOLE or len(fields) != len(("strategy", "symbol", "open_time", "side")):
        return None
    strategy, symbol, open_time, side = fields
    if side not in _SIDES or not (open_time.isascii() and open_time.isdigit()):
        return None
    return signal_id(strategy, symbol, int(open_time), _SIDES[side])


def matches(data: str, candidate: str) -> bool:
    """Whether the button `data` names the signal id `candidate`."""
    return id_in(data) == candidate or data == f"{_DIGEST}|{_digest(candidate)}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
