"""One minute of one symbol as columns of fills: a plan and a generator in, arrays of trades out.

Orders arrive in clusters; each order is filled in 1 to 50 parts that share its time. Between the two prices of the plan
the path is a Brownian bridge. Sizes are log-normal with many prints of the smallest size. Rates, shares of RPI and
block trades are those of a busy derivatives venue.
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from services.sandbox.market import MINUTE, Listing, Minute
from services.sandbox.scenario import MinutePlan

FILLS_PER_ORDER = 2.36
"""Mean of the fills' law below, so that a wanted rate of trades gives a rate of orders."""

_MOST_FILLS = 50
_MEDIAN_NOTIONAL = 260.0  # quote units of a usual fill
_RPI_SHARE = 0.04
_BLOCK_SHARE = 1 / 40_000
_ORDERS_PER_MILLISECOND = 256  # room for orders of the same millisecond in the venue's sequence

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tape:
    """Fills of one minute in order. Prices are in ticks, quantities in steps.

    Attributes:
        time: Event time, ms UTC, ascending.
        sequence: The venue's number of the order.
        ordinal: Place of the fill in its order.
        price: In ticks.
        quantity: In steps.
        buy: The taker bought.
        rpi: Retail price improvement.
        block: Negotiated off the book.
        entropy: 16 bytes for each fill: its id.
    """

    time: Ints
    sequence: Ints
    ordinal: Ints
    price: Ints
    quantity: Ints
    buy: Flags
    rpi: Flags
    block: Flags
    entropy: bytes

    def summary(self, listing: Listing) -> Minute | None:
        """Open, high, low, close and exact sums, block trades left out."""
        on_book = ~self.block
        price, quantity = self.price[on_book], self.quantity[on_book]
        if not price.size:
            return None
        tick, step = listing.tick, listing.step
        return Minute(
            open=tick * int(price[0]),
            high=tick * int(price.max()),
            low=tick * int(price.min()),
            close=tick * int(price[-1]),
            quantity=step * int(quantity.sum()),
            turnover=tick * step * Decimal(int((price * quantity).sum())),
            trades=int(price.size),
        )


def record(rng: np.random.Generator, listing: Listing, plan: MinutePlan, open_time: int, orders: float) -> Tape:
    """The fills of the minute at `open_time` (ms UTC) in which about `orders` orders arrive."""
    count = int(rng.poisson(orders))
    offsets = _arrivals(rng, count)
    path = _bridge(rng, plan, offsets)
    buy = np.where(rng.random(count) < 0.75, np.diff(path, prepend=plan.begin) > 0, rng.random(count) < 0.5)  # noqa: PLR2004
    exact = np.exp(path) / float(listing.tick)
    # A buyer pays the ask, a seller gets the bid: one tick apart.
    best = np.where(buy, np.ceil(exact), np.floor(exact)).astype(np.int64)
    fills = np.minimum(_MOST_FILLS, rng.random(count) ** -0.62).astype(np.int64)
    first = np.cumsum(fills) - fills
    order = np.repeat(np.arange(count), fills)
    total = int(fills.sum())
    ordinal = np.arange(total) - np.repeat(first, fills)
    # A large order eats into the book: one tick further for every dozen fills.
    walk = np.where(buy[order], 1, -1) * (ordinal // 12)
    same_time = np.arange(count) - np.searchsorted(offsets, offsets)
    time = open_time + offsets
    return Tape(
        time=time[order],
        sequence=(time * _ORDERS_PER_MILLISECOND + same_time)[order],
        ordinal=ordinal,
        price=np.maximum(1, best[order] + walk),
        quantity=_quantities(rng, listing, plan, total),
        buy=buy[order],
        rpi=rng.random(total) < _RPI_SHARE,
        block=(rng.random(count) < _BLOCK_SHARE)[order],
        entropy=rng.bytes(16 * total),
    )


def _arrivals(rng: np.random.Generator, count: int) -> Ints:
    """Milliseconds into the minute, ascending: half of the orders come by themselves, half answer others."""
    alone = rng.random(count) < 0.5  # noqa: PLR2004
    leaders = rng.integers(0, MINUTE, 1 + count // 10)
    followers = rng.choice(leaders, count) + rng.exponential(350.0, count)
    moments = np.where(alone, rng.integers(0, MINUTE, count), followers)
    return np.sort(moments.astype(np.int64) % MINUTE)


def _bridge(rng: np.random.Generator, plan: MinutePlan, offsets: Ints) -> NDArray[np.float64]:
    """Log prices at `offsets` of a path from the plan's first price to its last."""
    share = offsets / MINUTE
    steps = np.diff(share, prepend=0.0, append=1.0)
    motion = np.cumsum(rng.normal(0.0, 1.0, len(steps)) * np.sqrt(steps))
    noise = motion[:-1] - share * motion[-1]
    bridge: NDArray[np.float64] = plan.begin + (plan.end - plan.begin) * share + plan.roughness * noise
    return bridge + plan.wick * np.sin(np.pi * share)


def _quantities(rng: np.random.Generator, listing: Listing, plan: MinutePlan, total: int) -> Ints:
    """Quantities in steps, at least one."""
    usual = _MEDIAN_NOTIONAL * plan.size / (np.exp(plan.begin) * float(listing.step))
    drawn = np.rint(usual * rng.lognormal(0.0, 1.15, total))
    smallest = rng.random(total) < 0.2  # noqa: PLR2004 -- every fifth print is the smallest possible
    return np.where(smallest, 1, np.maximum(1, drawn)).astype(np.int64)
