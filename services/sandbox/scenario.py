"""The story of one symbol: seed, symbol and minute in; where the minute ends, how rough and how busy it is out.

Time is cut into slots of equal length. Each slot is a calm or rough walk around the symbol's price, into which one
*act* is laid: a sell-off, a bounce, a lower low made with less momentum, and a move that resolves it (or the same
upside down). Every slot draws from its own generator, and slots are told in order from the first, so a minute never
depends on who asks for it.
"""

import math
import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from services.sandbox.market import MINUTE, Listing

_FIRST_TURN = 6  # minutes after the start at which the first symbol's act is confirmed ...
_TURN_SPACING = 7  # ... and minutes between it and the next symbol's
_REVERSION = 0.012  # share of the distance from the symbol's usual price that is walked back each minute
_REGIMES = ((0.45, 0.35), (1.0, 1.0), (1.5, 1.7))  # quiet, ordinary, violent: factors of volatility and of activity
_TURNING_LEGS = (0, 2)  # the first and the second extreme are made at the end of these legs of an act
_WICK = 1.3  # of the pace of the leg that turns
_REGIME_ODDS = (0.35, 0.45, 0.20)


class MinutePlan(NamedTuple):
    """What the story says of one minute.

    `begin` and `end` are log prices; `roughness` is the standard deviation of the path between them (log units);
    `activity` and `size` multiply the usual number and the usual size of orders; `wick` is how far the path bulges on
    its way (log units, negative for down): a turning point lies inside its minute, not at its end.
    """

    begin: float
    end: float
    roughness: float
    activity: float
    size: float
    wick: float = 0.0


class _Leg(NamedTuple):
    """A part of an act: so many minutes, so much log return in all."""

    minutes: int
    move: float


@dataclass(frozen=True, slots=True)
class _Act:
    """A divergence and its resolution. `low` is the minute (from the act's beginning) of the second extreme."""

    legs: tuple[_Leg, ...]
    low: int
    spike: float

    @property
    def minutes(self) -> int:
        return sum(leg.minutes for leg in self.legs)


def generator(*key: int | str) -> np.random.Generator:
    """The random generator that belongs to `key`, the same in every process."""
    numbers = [zlib.crc32(part.encode()) if isinstance(part, str) else part % 2**64 for part in key]
    return np.random.Generator(np.random.PCG64(numbers))


class Story:
    """Minutes of one symbol.

    Args:
        seed: Of the market.
        listing: The symbol.
        rank: Place of the symbol in the market; the first acts of the symbols follow each other in this order.
        start: Market start, ms UTC, a whole minute.
        history: Minutes told before the start.
    """

    def __init__(self, seed: int, listing: Listing, rank: int, start: int, history: int) -> None:
        self._seed = seed
        self._listing = listing
        self._slot_minutes = int(generator(seed, listing.symbol, "slots").integers(80, 100))
        first_act = self._draw_act(0)
        opening = _FIRST_TURN + _TURN_SPACING * rank - first_act.low - 2
        self._slot = -math.ceil((history + opening) / self._slot_minutes)
        self._first_minute = start // MINUTE + opening + self._slot * self._slot_minutes
        self._log_price = math.log(listing.price)
        self._plans: list[MinutePlan] = []

    def plan(self, minute: int) -> MinutePlan:
        """The plan of a minute, counted from 1970; the story must have begun by then."""
        index = minute - self._first_minute
        while index >= len(self._plans):
            self._tell_slot()
        return self._plans[index]

    def _tell_slot(self) -> None:
        """Append the next slot's minutes."""
        rng = generator(self._seed, self._listing.symbol, "slot", self._slot)
        act = self._draw_act(self._slot)
        # The first act begins with its slot, so that the time of the first signal can be chosen.
        begin = 0 if self._slot == 0 else int(rng.integers(0, self._slot_minutes - act.minutes + 1))
        self._walk(rng, begin)
        self._play(rng, act)
        self._walk(rng, self._slot_minutes - begin - act.minutes)
        self._slot += 1

    def _walk(self, rng: np.random.Generator, minutes: int) -> None:
        """Append `minutes` without a plot: regimes of 8 to 25 minutes, drawn back to the usual price."""
        home = math.log(self._listing.price)
        while minutes > 0:
            length = min(minutes, int(rng.integers(8, 26)))
            roughness, activity = _REGIMES[rng.choice(len(_REGIMES), p=_REGIME_ODDS)]
            volatility = self._listing.volatility * roughness
            trend = volatility * rng.normal(0, 0.12)
            busy = activity * np.exp(rng.normal(-0.08, 0.4, length))
            for noise, intensity in zip(rng.normal(0, volatility, length), busy, strict=True):
                pull = _REVERSION * (home - self._log_price)
                self._append(trend + pull + float(noise), volatility * 0.7, float(intensity), 1.0)
            minutes -= length

    def _play(self, rng: np.random.Generator, act: _Act) -> None:
        """Append an act; the volume grows with the pace of each leg, and at its second extreme where it has a spike."""
        volatility = self._listing.volatility
        played = 0
        for number, leg in enumerate(act.legs):
            pace = leg.move / leg.minutes
            busy = 0.8 + 0.35 * min(2.0, abs(pace) / volatility)
            for noise in rng.normal(0, volatility * 0.22, leg.minutes):
                burst = act.spike if played == act.low else 1.0
                wobble = float(np.exp(rng.normal(-0.02, 0.2)))
                # More orders and larger ones: half of the burst each, as in a real flush.
                activity = busy * wobble * math.sqrt(burst)
                played += 1
                turns = number in _TURNING_LEGS and played == sum(each.minutes for each in act.legs[: number + 1])
                wick = pace * _WICK if turns else 0.0
                self._append(pace + float(noise), volatility * 0.3, activity, math.sqrt(burst), wick)

    def _append(self, move: float, roughness: float, activity: float, size: float, wick: float = 0.0) -> None:
        begin = self._log_price
        self._log_price += move
        self._plans.append(MinutePlan(begin, self._log_price, roughness, activity, size, wick))

    def _draw_act(self, slot: int) -> _Act:
        """The act of a slot. Moves are written for a bottom; half of the acts are tops."""
        rng = generator(self._seed, self._listing.symbol, "act", slot)
        direction = 1.0 if rng.random() < 0.5 else -1.0  # noqa: PLR2004 -- even odds
        fall, bounce, again = (int(rng.integers(*bounds)) for bounds in ((11, 16), (5, 8), (8, 12)))
        depth = fall * self._listing.volatility * rng.uniform(1.5, 2.0)
        rebound = depth * rng.uniform(0.42, 0.55)
        lower = rebound + depth * rng.uniform(0.10, 0.22)
        turn = depth * rng.uniform(0.10, 0.16)
        if rng.random() < 0.55:  # noqa: PLR2004 -- 55 of 100 resolve as the divergence promises
            resolution = _Leg(int(rng.integers(12, 25)), rng.uniform(0.018, 0.022))
        else:
            resolution = _Leg(int(rng.integers(6, 14)), -rng.uniform(0.009, 0.011))
        legs = (_Leg(fall, -depth), _Leg(bounce, rebound), _Leg(again, -lower), _Leg(3, turn), resolution)
        has_spike = slot == 0 or rng.random() < 0.7  # noqa: PLR2004 -- three of ten lack the volume
        spike = rng.uniform(4.5, 7.0) if has_spike else 0.7
        return _Act(
            tuple(_Leg(leg.minutes, direction * leg.move) for leg in legs), fall + bounce + again - 1, float(spike)
        )
