"""Weighted points in, the closest curve that never falls out: isotonic regression by pooling adjacent violators.

M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid, E. Silverman, "An empirical distribution function for sampling with
incomplete information", Annals of Mathematical Statistics 26 (1955). Two neighbours in the wrong order become one block
at their weighted mean, until no two are; that is the least-squares fit among all curves that never fall.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Block(NamedTuple):
    """A flat part of the curve.

    Attributes:
        start: Smallest x of its points.
        level: Height: the weighted mean of their y.
        weight: Sum of their weights.
    """

    start: float
    level: float
    weight: float


def fit(points: Iterable[Block]) -> list[Block]:
    """Blocks of the curve, ascending in `start` and strictly ascending in `level`.

    Args:
        points: ``(x, y, weight)``, ascending in x, weights positive.
    """
    blocks: list[Block] = []
    for point in points:
        block = point
        while blocks and blocks[-1].level >= block.level:
            block = _pool(blocks.pop(), block)
        blocks.append(block)
    return blocks


def _pool(left: Block, right: Block) -> Block:
    weight = left.weight + right.weight
    return Block(left.start, (left.level * left.weight + right.level * right.weight) / weight, weight)
