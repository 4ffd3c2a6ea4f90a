"""The lengths of candles. A time in, the start of its candle out."""

from enum import StrEnum

from shared.errors import InvalidInput


class Timeframe(StrEnum):
    """A candle's length, written as users of the field write it."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def millis(self) -> int:
        """Length in milliseconds."""
        return _MILLIS[self]

    def floor(self, time: int) -> int:
        """Open time (ms UTC, inclusive) of the candle that contains `time` (ms UTC)."""
        return time - time % _MILLIS[self]

    @classmethod
    def parse(cls, text: str) -> "Timeframe":
        """Timeframe from its text.

        Raises:
            InvalidInput: The text is no known timeframe.
        """
        try:
            return cls(text)
        except ValueError:
            raise InvalidInput(f"unknown timeframe {text!r}; known: {', '.join(cls)}") from None


_MINUTE = 60_000
_MILLIS = {
    Timeframe.M1: _MINUTE,
    Timeframe.M5: 5 * _MINUTE,
    Timeframe.M15: 15 * _MINUTE,
    Timeframe.M30: 30 * _MINUTE,
    Timeframe.H1: 60 * _MINUTE,
    Timeframe.H4: 240 * _MINUTE,
    Timeframe.D1: 1440 * _MINUTE,
}
