"""Scores of the past and whether their direction held in, the confidence that a score deserves out.

The table below was fitted by ``scripts/fit_macro_bias.py``; docs/macro-bias.md reports what it is worth on candles it
was not fitted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.engine import isotonic
from shared.errors import InvalidInput

BINS = 20


@dataclass(frozen=True, slots=True)
class Calibration:
    """From the size of a score to a confidence.

    Attributes:
        steps: ``(least size of a score, confidence)``, both ascending, the first size 0; a score has the confidence of
            the last step it reaches. Sizes are 0 to 1, confidences 0 to 100.
        directional_from: Confidence below which a bias is NEUTRAL.

    Raises:
        InvalidInput: The steps do not begin at 0, do not ascend, or leave their range.
    """

    steps: tuple[tuple[float, float], ...]
    directional_from: float = 55.0

    def __post_init__(self) -> None:
        sizes = [size for size, _ in self.steps]
        levels = [level for _, level in self.steps]
        ascend = sizes == sorted(set(sizes)) and levels == sorted(levels)
        bounded = all(0 <= size <= 1 and 0 <= level <= 100 for size, level in self.steps)  # noqa: PLR2004 - percent
        if not (bounded and ascend and sizes[:1] == [0.0]):
            raise InvalidInput(
                f"calibration {self.steps}: give (size, confidence) pairs that begin at size 0 and ascend, sizes up to "
                "1, confidences from 0 to 100"
            )

    def confidence(self, size: float) -> float:
        """Confidence of a score of this size (0 to 1), 0 to 100."""
        return [level for least, level in self.steps if least <= size][-1]


def fit(samples: Sequence[tuple[float, bool]], bins: int = BINS) -> tuple[tuple[float, float], ...]:
    """Steps of a calibration: isotonic regression over bins that hold equally many samples.

    Bins come first, because a curve through single samples ends in a few lucky ones at 100.

    Args:
        samples: ``(size of the score, whether its direction held)``; at least one for each bin.
        bins: How many bins.
    """
    ordered = sorted(samples)
    edges = [len(ordered) * number // bins for number in range(bins + 1)]
    points = []
    for first, last in pairwise(edges):
        part = ordered[first:last]
        held = sum(held for _, held in part)
        points.append(isotonic.Block(part[0][0], 100.0 * held / len(part), len(part)))
    blocks = isotonic.fit(points)
    starts = [0.0, *(round(block.start, 4) for block in blocks[1:])]
    return tuple((start, round(block.level, 1)) for start, block in zip(starts, blocks, strict=True))


FITTED_ON = (
    "ETHUSDT 2021-08-09 to 2021-09-13 and 2024-10-01 to 2024-11-04, BTCUSDT 2025-01-01 to 2025-02-04 (Binance spot), "
    "XRPUSDT, ADAUSDT and DOTUSDT 2025-11-01 to 2025-12-31 (Bybit); 6,117 scores, four hours ahead"
)
"""What the table below rests on."""

FITTED = Calibration(steps=((0.0, 47.7), (0.6913, 51.0)))
"""History shows no edge worth the name: the strongest scores held in 51 of 100 cases. Every bias is NEUTRAL by it."""
