"""Numbers and times in, the words and figures people read out; used by messages and charts alike."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.domain.signal import ExitReason, Side, Signal, SignalKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUS = "\N{MINUS SIGN}"
_NO_BREAK = "\N{NO-BREAK SPACE}"
_SIGNIFICANT = 6
_MOST_DECIMALS = 12
_REASONS = {
    ExitReason.TAKE_PROFIT: "Take profit",
    ExitReason.STOP_LOSS: "Stop loss",
    ExitReason.BREAK_EVEN: "Break-even",
    ExitReason.TRAILING_STOP: "Trailing stop",
    ExitReason.TIME_STOP: "Time stop",
}


def decimals_for(recorded: object, prices: Sequence[float]) -> int:
    """Decimals with which a signal's prices are written.

    Args:
        recorded: What the decision record says (the instrument's tick size, as decimals), if it says anything usable.
        prices: Otherwise as many as the longest of these needs to show six significant digits.
    """
    if isinstance(recorded, int) and not isinstance(recorded, bool) and 0 <= recorded <= _MOST_DECIMALS:
        return recorded
    return max((_needed(price) for price in prices), default=2)


def _needed(price: float) -> int:
    if not math.isfinite(price) or price == 0:
        return 0
    exponent = math.floor(math.log10(abs(price)))
    decimals = min(_MOST_DECIMALS, max(0, _SIGNIFICANT - 1 - exponent))
    return len(f"{price:.{decimals}f}".rstrip("0").partition(".")[2])


def price_text(price: float, decimals: int) -> str:
    """``64,010.5``."""
    return f"{price:,.{decimals}f}".replace("-", _MINUS)


def percent_text(percent: float) -> str:
    """``+1.50 %``, with a true minus sign; what rounds to nothing has no sign."""
    text = f"{percent:+.2f}"
    if float(text) == 0:
        text = "0.00"
    return f"{text.replace('-', _MINUS)}{_NO_BREAK}%"


def duration_text(millis: int) -> str:
    """``45 s``, ``42 min``, ``3 h 05 min``, ``2 d 4 h``."""
    seconds = max(0, millis) // 1000
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        text = f"{days} d {hours % 24} h"
    elif hours:
        text = f"{hours} h {minutes % 60:02} min"
    else:
        text = f"{minutes} min" if minutes else f"{seconds} s"
    return text.replace(" ", _NO_BREAK)


def lateness_text(millis: int) -> str:
    """``45s``, ``3m12s``, ``1h05m``, ``2d4h``: the two largest units."""
    seconds = max(0, millis) // 1000
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        return f"{days}d{hours % 24}h"
    if hours:
        return f"{hours}h{minutes % 60:02}m"
    return f"{minutes}m{seconds % 60:02}s" if minutes else f"{seconds}s"


def count_text(count: int, noun: str) -> str:
    """``1 minute``, ``7 minutes``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def clock_text(millis: int) -> str:
    """``12:31 UTC``."""
    return f"{moment(millis):%H:%M} UTC"


def time_text(millis: int) -> str:
    """``2026-03-02 14:07 UTC``."""
    return f"{moment(millis):%Y-%m-%d %H:%M} UTC"


def moment(millis: int) -> datetime:
    """The time as an aware datetime."""
    return _EPOCH + timedelta(milliseconds=millis)


def gain_pct(side: Side, entry_price: float, price: float) -> float:
    """Gain in percent of the entry price if the position were closed at `price`; 0 when the entry price is 0."""
    if entry_price == 0:
        return 0.0
    move = (price - entry_price) / entry_price * 100
    return move if side is Side.LONG else -move


def result_text(line: Signal) -> str:
    """What an update or exit has to say in one line: ``Take profit +1.50 % in 42 min``."""
    gain = line.pnl_pct if line.pnl_pct is not None else gain_pct(line.side, line.entry_price, line.price)
    lasted = duration_text(line.time - line.entry_time)
    if line.kind is SignalKind.EXIT:
        name = _REASONS[line.reason] if line.reason else "Closed"
        return f"{name} {percent_text(gain)} in {lasted}"
    return f"Open {percent_text(gain)} after {lasted}"
