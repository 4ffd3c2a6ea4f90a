"""What every RSI strategy can be told: its RSI, its volume spike, and how its positions are ended."""

from dataclasses import dataclass

from shared.strategies import exit_parameters
from shared.strategies.exit_parameters import ExitParameters
from shared.strategies.rsi_window import LONGEST


@dataclass(frozen=True)
class RsiParameters(ExitParameters):
    """What can be set. RSI values are points of 0 to 100.

    Attributes:
        rsi_period: Period of Wilder's RSI, candles.
        oversold: At or below it the RSI is oversold.
        overbought: At or above it the RSI is overbought.
        volume_period: Candles of the mean that a spike is measured against.
        volume_factor: A spike is larger than this many means.
    """

    rsi_period: int = 14
    oversold: float = 25.0
    overbought: float = 75.0
    volume_period: int = 20
    volume_factor: float = 1.5

    def limits(self) -> dict[str, tuple[float, float]]:
        """Least and most allowed value of each parameter."""
        return exit_parameters.LIMITS | {
            "rsi_period": (2, LONGEST),
            "oversold": (0, 100),
            "overbought": (self.oversold, 100),
            "volume_period": (1, LONGEST),
            "volume_factor": (0, 1000),
        }
