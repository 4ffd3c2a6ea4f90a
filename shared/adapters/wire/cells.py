"""The text of one cell in, an exact value out: times to int ms UTC, decimals, sides. Nothing passes through a float."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from shared.domain.trade import AggressorSide

# Outside these a "time" is something else: a row number, milliseconds since midnight, a damaged stamp.
_EARLIEST: Final = 946_684_800_000  # 2000-01-01
_LATEST: Final = 4_102_444_800_000  # 2100-01-01
# Seconds, milliseconds, microseconds and nanoseconds of that century differ by more than their ranges are wide.
_UNITS = ((Decimal(10) ** 11, 1000), (Decimal(10) ** 14, 1), (Decimal(10) ** 17, Decimal("0.001")))
_NANO = Decimal("0.000001")

# Beyond these a figure is damaged: 1e999999 is finite, and would fill the memory in the first sum.
_SMALLEST, _LARGEST = Decimal("1e-12"), Decimal("1e18")
_LONGEST = 32

_WHOLE_DIGITS = 18

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIDES = {
    "buy": AggressorSide.BUY,
    "b": AggressorSide.BUY,
    "sell": AggressorSide.SELL,
    "s": AggressorSide.SELL,
    "": AggressorSide.UNKNOWN,
}


def parse_number(text: str) -> Decimal | None:
    """Exact finite number, or None where the text is none."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def is_whole(text: str) -> bool:
    """Whether the text is a whole number from 0 on that fits 64 bits."""
    return text.isascii() and text.isdigit() and len(text) <= _WHOLE_DIGITS


def parse_amount(text: str, *, zero: bool = False) -> Decimal:
    """Exact positive number; `zero` allows 0 too.

    Raises:
        ValueError: Not a number, not positive, or of no sane size; the text says which.
    """
    number = parse_number(text)
    if number is None:
        raise ValueError("not a number")
    is_sane = _SMALLEST <= number <= _LARGEST and len(text) <= _LONGEST
    if not is_sane and not (zero and number == 0):
        raise ValueError("no sane positive number")
    return number if is_sane else Decimal(0)


def parse_time(text: str) -> int:
    """Time in ms UTC from s, ms, us or ns since 1970 (told apart by size), or ISO-8601 (UTC when it names no zone).

    Fractions below a millisecond are cut off, so that a time never moves into the next minute.

    Raises:
        ValueError: Neither, or not between the years 2000 and 2100.
    """
    number = parse_number(text)
    millis = _from_iso(text.strip()) if number is None else _from_number(number)
    if not _EARLIEST <= millis < _LATEST:
        raise ValueError("no time between 2000 and 2100 in s, ms, us or ISO-8601")
    return millis


def _from_number(number: Decimal) -> int:
    if abs(number) > _LARGEST * 10:
        return 0
    factor = next((factor for limit, factor in _UNITS if number < limit), _NANO)
    return int(number * factor)


def _from_iso(text: str) -> int:
    try:
        time = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        raise ValueError("no time in s, ms, us or ISO-8601") from None
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def parse_side(text: str) -> AggressorSide:
    """Aggressor side from ``Buy``, ``sell``, ``b`` ...; unknown when empty.

    Raises:
        ValueError: Something else.
    """
    side = _SIDES.get(text.strip().lower())
    if side is None:
        raise ValueError("the side is neither buy nor sell")
    return side
